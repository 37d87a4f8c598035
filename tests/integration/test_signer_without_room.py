"""The real signer on a disk that is full in the middle of its work: it says so, loses nothing, and goes on by itself."""

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kit.approvers import write_fix
from tests.kit.processes import Process
from tests.kit.world import World

ROOM = 16 * 1024
"""Enough for what the signer prints, too little for the fix and for its records."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    try:
        yield world
    finally:
        world.stop()


def room_of(process: Process, room: int) -> None:
    """No file of that process may grow beyond so many bytes."""
    hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, hard))


def test_what_is_decided_and_who_enrols_meanwhile_waits_until_there_is_room(world: World, tmp_path: Path) -> None:
    bundle = world.established()
    world.start_signer()
    signer = world.processes["signer"]
    signer.wait_for("up to date")
    secret = ("--passphrase-file", str(world.passphrase_file))
    source = write_fix(tmp_path / "fix", text="#" * 20_000 + "\n")
    room_of(signer, ROOM)
    world.handrail("org", "approve", str(source), "--yes", *secret)
    signer.wait_for("Nothing new is published: .*Make room on that disk", seconds=60)
    with ThreadPoolExecutor(1) as threads:
        enrolling = threads.submit(world.enrol, bundle)
        signer.wait_for("could not be answered yet: .*Make room", seconds=60)
        assert signer.popen.poll() is None and not enrolling.done()
        room_of(signer, resource.RLIM_INFINITY)
        enrolling.result(120)
    signer.wait_for("There is room on the disk again", seconds=60)
    assert "harmless" in world.handrail("org", "show") and "Reception PC" in world.handrail("org", "show")
    assert "Traceback" not in signer.output
