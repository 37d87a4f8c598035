"""`listening_ports`: which programs wait for connections, and on which addresses."""

import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import psutil

from agent.diagnostics.probe import Environment, Probe
from protocol.messages.diagnostics import Row

_TCP, _UDP = 6, 17  # IANA protocol numbers, as in osquery


def listening_rows(connections: Iterable[Any], names: Mapping[int, str]) -> list[Row]:
    """Listening TCP sockets and unconnected UDP sockets as rows, one per program, port and address."""
    rows: dict[tuple[int, int, int, str], Row] = {}
    for connection in connections:
        tcp = connection.type == socket.SOCK_STREAM
        if (tcp and connection.status != psutil.CONN_LISTEN) or (not tcp and connection.raddr) or not connection.laddr:
            continue
        pid = connection.pid if connection.pid is not None else -1
        protocol = _TCP if tcp else _UDP
        address, port = connection.laddr.ip, connection.laddr.port
        rows[(protocol, port, pid, address)] = {
            "pid": pid,
            "port": port,
            "protocol": protocol,
            "family": int(connection.family),
            "address": address,
            "name": names.get(pid, ""),
        }
    return [rows[key] for key in sorted(rows)]


def _read() -> list[Row]:
    # The reachability probe's own questions to name servers are UDP sockets of this process, and wait for nobody else.
    mine = os.getpid()
    connections = [
        connection
        for connection in psutil.net_connections("inet")
        if connection.type == socket.SOCK_STREAM or connection.pid != mine
    ]
    names: dict[int, str] = {}
    for pid in {connection.pid for connection in connections if connection.pid is not None}:
        try:
            names[pid] = psutil.Process(pid).name()
        except psutil.Error:
            continue
    return listening_rows(connections, names)


class ListeningPorts(Probe):
    """A row per socket. Programs of other users have no number unless the agent is root."""

    table: ClassVar = "listening_ports"
    budget: ClassVar = 1.5

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        return await environment.thread(self.table, _read)
