"""The system's own command, in place of which a script stands on PATH."""

import os
from pathlib import Path

import pytest

from agent.backends.power import restart
from protocol.errors import RefusalReason, Refused, Unavailable
from tests.kit.waiting import eventually_async


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


async def test_one_that_does_not_answer_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.backends.power.SECONDS", 4.0)
    with pytest.raises(Unavailable, match=r"did not answer within 4 s"):
        await restart(systemctl(tmp_path, f"sleep 300 & echo $! > {tmp_path}/child; wait"))
    child = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/stat")
    await eventually_async(lambda: not child.exists() or ") Z " in child.read_text(), "what it started is gone")


async def test_nothing_of_the_agents_environment_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_AGENT", "x")
    environ = systemctl(tmp_path, f"env > {tmp_path}/said") | {"ANOTHER": "y"}
    await restart(environ)
    said = (tmp_path / "said").read_text()
    assert "LANG=C.UTF-8" in said
    assert "SECRET_OF_THE_AGENT" not in said
    assert "ANOTHER" not in said


async def test_without_systemctl_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Ask the person there"):
        await restart({"PATH": str(tmp_path)})
