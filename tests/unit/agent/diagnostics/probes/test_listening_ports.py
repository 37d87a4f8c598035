"""What waits for connections."""

import os
import socket
from pathlib import Path
from types import SimpleNamespace

from agent.diagnostics.probes.listening_ports import ListeningPorts, listening_rows
from tests.kit.recorded import machine


def connection(
    port: int, *, kind: int = socket.SOCK_STREAM, status: str = "LISTEN", remote: object = (), pid: int | None = 5
) -> SimpleNamespace:
    address = SimpleNamespace(ip="0.0.0.0", port=port)
    return SimpleNamespace(family=socket.AF_INET, type=kind, status=status, laddr=address, raddr=remote, pid=pid)


def test_which_sockets_count() -> None:
    rows = listening_rows(
        [
            connection(5432),
            connection(5432),
            connection(22, pid=None),
            connection(4000, status="ESTABLISHED"),
            connection(53, kind=socket.SOCK_DGRAM, status="NONE"),
            connection(54, kind=socket.SOCK_DGRAM, status="NONE", remote=("10.0.0.1", 53)),
        ],
        {5: "postgres"},
    )
    assert [(row["protocol"], row["port"], row["pid"], row["name"]) for row in rows] == [
        (6, 22, -1, ""),
        (6, 5432, 5, "postgres"),
        (17, 53, 5, "postgres"),
    ]


async def test_a_real_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        rows = {row["port"]: row for row in await ListeningPorts().rows(machine(tmp_path))}
    assert (rows[port]["pid"], rows[port]["address"], rows[port]["family"]) == (os.getpid(), "127.0.0.1", 2)
