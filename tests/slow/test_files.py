"""Two gigabytes over a link that is cut five times arrive whole, each way, and nobody holds them in memory."""

import hashlib
import random
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.kit.cut_link import CutLink
from tests.kit.processes import free_port
from tests.kit.shared_home import SharedHome, shared_home
from tests.kit.waiting import eventually
from tests.kit.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

MIB = 1024 * 1024
SIZE = 2048 * MIB
CUTS = 5
AWAY_SECONDS = 1.0
GROWTH = 48 * MIB
"""What a process may take more at its worst moment than when the first bytes have moved."""


class Memory:
    """What processes take (VmRSS), looked at again and again from when this is made."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self.first = {name: resident(pid) for name, pid in pids.items()}
        self.most = dict(self.first)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            for name, pid in self._pids.items():
                self.most[name] = max(self.most[name], resident(pid))

    def grown(self) -> dict[str, int]:
        """How much each took more at its worst than at first."""
        self._stop.set()
        self._thread.join()
        return {name: self.most[name] - first for name, first in self.first.items()}


def resident(pid: int) -> int:
    """Bytes of memory that a process takes; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


def write_large(path: Path) -> bytes:
    """A file of `SIZE` bytes no MiB of which is like another; its SHA-256."""
    digest, rest = hashlib.sha256(), random.Random(2).randbytes(MIB - 8)
    with path.open("wb") as file:
        for number in range(SIZE // MIB):
            block = number.to_bytes(8, "big") + rest
            digest.update(block)
            file.write(block)
    return digest.digest()


def digest_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@pytest.fixture(scope="module")
def cable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SharedHome, CutLink]]:
    world = World(tmp_path_factory.mktemp("world"))
    world.relay_port = free_port()
    link = CutLink(world.port, world.relay_port)
    try:
        with shared_home(world, tmp_path_factory.mktemp("home")) as home:
            yield home, link
    finally:
        link.stop()


@pytest.mark.parametrize("direction", ["put", "get"])
def test_two_gigabytes_arrive_whole_over_a_link_that_is_cut(
    cable: tuple[SharedHome, CutLink], tmp_path: Path, direction: str
) -> None:
    home, link = cable
    source, target = (tmp_path, home.path) if direction == "put" else (home.path, tmp_path)
    source, target = source / f"{direction}.bin", target / f"{direction}.bin"
    sha256 = write_large(source)
    cuts_before = link.cuts
    person = home.person()
    try:
        where = [str(source)] if direction == "put" else ["get.bin", "--to", str(tmp_path)]
        command = home.files(person, tmp_path / "log", direction, "Reception PC", *where)

        def arrived() -> int:
            return sum(path.stat().st_size for path in target.parent.glob(".handrail-*.part"))

        def far_enough(size: int) -> bool:
            return arrived() > size

        eventually(partial(far_enough, MIB), "the first bytes", seconds=120)
        pids = {name: home.world.processes[name].pid for name in ("agent", "relay")} | {"client": command.pid}
        memory = Memory(pids)
        for number in range(1, CUTS + 1):
            eventually(partial(far_enough, SIZE * number // (CUTS + 1)), f"part {number}: {command.output}", seconds=900)
            assert arrived() < SIZE
            link.cut(AWAY_SECONDS)
        assert command.wait(seconds=900) == 0, command.output
        grown = memory.grown()
        assert link.cuts - cuts_before == CUTS
        assert command.output.count("Reconnecting") == CUTS
        assert person.text.count("asks to connect to this computer") == 1
        assert digest_of(target) == sha256
        assert max(grown.values()) < GROWTH, {name: f"{size // MIB} MiB" for name, size in grown.items()}
    finally:
        person.stop()
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
