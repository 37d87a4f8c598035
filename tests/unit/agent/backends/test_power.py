"""The system's own command, in place of which a script stands on PATH."""

import os
from pathlib import Path

import pytest

from agent.backends.power import restart
from protocol.errors import RefusalReason, Refused, Unavailable


def systemctl(directory: Path, body: str) -> dict[str, str]:
    """A PATH on which `systemctl` is this script."""
    file = directory / "systemctl"
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return {"PATH": f"{directory}{os.pathsep}{os.defpath}"}


async def test_the_system_is_told_and_asks_no_password(tmp_path: Path) -> None:
    await restart(systemctl(tmp_path, f'echo "$@" > {tmp_path}/said'))
    assert (tmp_path / "said").read_text() == "--no-ask-password reboot\n"


async def test_a_system_that_does_not_let_us_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"Interactive authentication required.*polkit") as caught:
        await restart(systemctl(tmp_path, 'printf "Interactive \\033[2Jauthentication required." | tr -d "\\033[2J" >&2; exit 1'))
    assert caught.value.reason is RefusalReason.NEEDS_ROOT


async def test_without_systemctl_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Ask the person there"):
        await restart({"PATH": str(tmp_path)})
