"""A device's record from end to end, by the commands that people use: sessions, export, check, tampering, the kill switch."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.processes import run
from tests.kit.waiting import eventually
from tests.kit.world import World, assisted_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything but a console; policy lets diagnostics be read with nobody asked."""
    with assisted_world(tmp_path_factory.mktemp("world"), None, "--unattended", "diagnostics") as world:
        eventually(lambda: _status(world)["trust"]["technicians"], "the agent has its signed files", every=0.2)
        yield world


def _status(world: World) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = json.loads(run(world.agent_argv("status", "--json"), env=world.environment).stdout)
    return told


def diagnose(world: World) -> int:
    """One session; its exit code."""
    argv = world.handrail_argv("diagnose", "Reception PC", "--passphrase-file", str(world.passphrase_file))
    return run(argv, env=world.environment, check=False).returncode


def audit(world: World, *arguments: str, agent: bool = False) -> tuple[int, str]:
    """An audit command: exit code and what it said."""
    argv = world.agent_argv("audit", *arguments) if agent else world.handrail_argv("audit", *arguments)
    done = run(argv, env=world.environment, check=False)
    return done.returncode, done.stdout + done.stderr


def test_sessions_are_recorded_exported_and_checked(world: World, tmp_path: Path) -> None:
    for _ in range(2):
        assert diagnose(world) == 0
    assert "each signed by it and continuing the one before" in audit(world, "verify", "--device", "Reception PC")[1]
    assert audit(world, "verify", agent=True)[0] == 0
    path = tmp_path / "device.audit"
    assert audit(world, "export", str(path), agent=True)[0] == 0
    code, said = audit(world, "verify", str(path))
    assert code == 0 and "the whole chain, in order and unchanged" in said and "2 checkpoints kept here agree" in said
    path.write_bytes(path.read_bytes().replace(b"session opened", b"session closed", 1))
    code, said = audit(world, "verify", str(path))
    assert code == 7 and "broken at record" in said and "it was edited" in said


def test_transcripts_that_are_kept_no_longer_are_deleted_at_the_start_and_the_record_says_so(
    world: World, tmp_path: Path
) -> None:
    world.processes.pop("agent").stop()
    folder = world.agent_home / "transcripts"
    folder.mkdir(exist_ok=True)
    for days in (40, 20):
        (folder / f"s{days}-1.log").write_text("$ ls\n")
        os.utime(folder / f"s{days}-1.log", (time.time() - days * 86400,) * 2)
    world.start_agent(None, extra={"HANDRAIL_AGENT_TERMINAL_TRANSCRIPT_DAYS": "30"})
    eventually(lambda: not (folder / "s40-1.log").exists(), "the old one is deleted")
    assert (folder / "s20-1.log").exists()
    path = tmp_path / "device.audit"
    assert audit(world, "export", str(path), agent=True)[0] == 0
    (line,) = [line for line in path.read_text().splitlines() if '"transcripts deleted"' in line]
    assert json.loads(line)["detail"] == {"files": 1, "bytes": 5, "because": "older than 30 days", "names": "s40-1.log"}
    assert audit(world, "verify", str(path))[0] == 0


def test_a_chain_that_was_edited_under_the_agent_is_named_on_both_sides(world: World) -> None:
    for _ in range(2):
        assert diagnose(world) == 0
    agent = world.processes.pop("agent")
    agent.stop()
    with sqlite3.connect(world.agent_home / "audit.sqlite") as database:
        last = database.execute("SELECT max(sequence) FROM record").fetchone()[0]
        database.execute("DELETE FROM record WHERE sequence > ?", (last - 3,))
    database.close()
    code, said = audit(world, "verify", agent=True)
    assert code == 7 and "cut short or rolled back" in said
    world.start_agent(None)

    def told() -> bool:
        return "cut short or rolled back" in run(world.agent_argv("status"), env=world.environment, check=False).stdout

    eventually(told, "the agent says that its record was cut short", every=0.2)
    eventually(lambda: diagnose(world) == 0, "the device can be diagnosed again", every=0.5)
    code, said = audit(world, "verify", "--device", "Reception PC")
    assert code == 7 and "cut short" in said


def test_after_panic_old_certificates_open_nothing_and_renewed_ones_do(world: World) -> None:
    passphrase = ["--passphrase-file", str(world.passphrase_file)]
    told = json.loads(world.handrail("--json", "org", "panic", "--not-before", "now", "--yes", *passphrase))
    assert told["hit"] == 1
    eventually(lambda: diagnose(world) == 5, "the device refuses the old certificate", every=0.5)
