"""`os_version`: which distribution, from os-release(5)."""

import os
import shlex
from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe, Unsupported
from protocol.messages.diagnostics import Row


def parse_os_release(text: str) -> dict[str, str]:
    """os-release(5): shell-like assignments, one a line. Lines that are none of that are passed over."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            values[name] = "".join(shlex.split(value))
        except ValueError:
            continue
    return values


def numbers(version: str) -> tuple[int, int, int]:
    """Major, minor and patch of a version such as `12`, `22.04.3` or `15-SP5`; missing parts are 0."""
    parts = [int(digits) for part in version.split(".") if (digits := part[: _digits(part)])]
    major, minor, patch = (*parts, 0, 0, 0)[:3]
    return major, minor, patch


def _digits(text: str) -> int:
    return next((index for index, character in enumerate(text) if not ("0" <= character <= "9")), len(text))


class OsVersion(Probe):
    """One row."""

    table: ClassVar = "os_version"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        text = environment.read_text("/etc/os-release", 16384) or environment.read_text("/usr/lib/os-release", 16384)
        if text is None:
            raise Unsupported("This machine has no /etc/os-release.")
        release = parse_os_release(text)
        debian = (environment.read_text("/etc/debian_version", 64) or "").strip()
        exact = debian if release.get("ID") == "debian" and debian[:1].isdigit() else release.get("VERSION_ID", "")
        major, minor, patch = numbers(exact)
        return [
            {
                "name": release.get("NAME", ""),
                "version": release.get("VERSION") or release.get("PRETTY_NAME", ""),
                "major": major,
                "minor": minor,
                "patch": patch,
                "build": release.get("BUILD_ID", ""),
                "platform": release.get("ID", ""),
                "platform_like": release.get("ID_LIKE") or release.get("ID", ""),
                "codename": release.get("VERSION_CODENAME", ""),
                "arch": os.uname().machine,
            }
        ]
