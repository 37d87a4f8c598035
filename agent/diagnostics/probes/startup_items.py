"""`startup_items`: what starts by itself at login (freedesktop.org autostart)."""

import getpass
from pathlib import Path
from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe
from protocol.messages.diagnostics import Row

_SYSTEM = "/etc/xdg/autostart"
_USER = ".config/autostart"
_FILE_BYTES = 64 * 1024
_MOST = 200


def parse_desktop_entry(text: str) -> dict[str, str]:
    """The `[Desktop Entry]` group of a .desktop file (Desktop Entry Specification 1.5), untranslated keys only."""
    values: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line == "[Desktop Entry]"
        elif inside and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            values.setdefault(key.strip(), value.strip())
    return values


def is_enabled(entry: dict[str, str]) -> bool:
    """Whether a desktop would start it."""
    return entry.get("Hidden", "").lower() != "true" and entry.get("X-GNOME-Autostart-enabled", "").lower() != "false"


def startup_rows(system: Path, user: Path, username: str) -> list[Row]:
    """Rows of both directories; a user's file of the same name stands in for the system's."""
    rows: dict[str, Row] = {}
    for directory, source, owner in ((system, _SYSTEM, ""), (user, f"~/{_USER}", username)):
        for path in sorted(directory.glob("*.desktop"))[:_MOST]:
            try:
                with path.open("rb") as file:
                    entry = parse_desktop_entry(file.read(_FILE_BYTES).decode(errors="replace"))
            except OSError:
                continue
            rows[path.name] = {
                "name": entry.get("Name") or path.stem,
                "type": "Startup Item",
                "source": source,
                "status": "enabled" if is_enabled(entry) else "disabled",
                "username": owner,
            }
    return list(rows.values())


class StartupItems(Probe):
    """A row per item."""

    table: ClassVar = "startup_items"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        system = environment.root / _SYSTEM.lstrip("/")
        return await environment.thread(self.table, startup_rows, system, environment.home / _USER, getpass.getuser())
