"""`logged_in_users`: who is logged in, from the system's own record of it."""

from collections.abc import Iterable
from typing import Any, ClassVar

import psutil

from agent.diagnostics.probe import Environment, Probe
from protocol.messages.diagnostics import Row


def user_rows(users: Iterable[Any]) -> list[Row]:
    """psutil's users as rows, the latest first."""
    rows: list[Row] = [
        {
            "type": "user",
            "user": user.name,
            "tty": user.terminal or "",
            "host": user.host or "",
            "time": int(user.started),
            "pid": user.pid if user.pid is not None else -1,
        }
        for user in users
    ]
    rows.sort(key=lambda row: -int(row["time"] or 0))
    return rows


class LoggedInUsers(Probe):
    """A row per login."""

    table: ClassVar = "logged_in_users"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        return user_rows(await environment.thread(self.table, psutil.users))
