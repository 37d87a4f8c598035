"""Logins."""

from pathlib import Path
from types import SimpleNamespace

from agent.diagnostics.probes.logged_in_users import LoggedInUsers, user_rows
from tests.kit.recorded import machine


def test_rows_latest_first() -> None:
    users = [
        SimpleNamespace(name="ana", terminal="tty2", host=None, started=100.5, pid=12),
        SimpleNamespace(name="ben", terminal=None, host="10.0.0.3", started=200.0, pid=None),
    ]
    assert user_rows(users) == [
        {"type": "user", "user": "ben", "tty": "", "host": "10.0.0.3", "time": 200, "pid": -1},
        {"type": "user", "user": "ana", "tty": "tty2", "host": "", "time": 100, "pid": 12},
    ]


async def test_this_machine(tmp_path: Path) -> None:
    assert isinstance(await LoggedInUsers().rows(machine(tmp_path)), list)
