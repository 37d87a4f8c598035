"""Key echo beside a file transfer over a slow link: does input or picture wait behind bulk?

    python -m tests.bench.transfers [--links slow,middling] [--seconds 15]

A whole Handrail of real processes, the agent behind tests/kit/shaped_link.py; the technician's part runs here, presses keys, and
sees in the pixels that it has decoded when a window on the assisted display has answered. First alone, then while a file is put
there, then while one is taken, all in the same session. JSON lines and a table go to build/bench/.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.messages.input import Key
from protocol.messages.screen import ScreenAck, ScreenLayout, ScreenStart, ScreenUpdate
from protocol.transfer import BulkPacer
from technician_client.identity import unlock
from technician_client.link import RelayClient
from technician_client.picture import Picture
from technician_client.sessions import Session
from technician_client.settings import load_settings
from technician_client.transfers import Download, Transfer, Upload
from tests.bench.echo import HEIGHT, WIDTH, Echo, X, Y
from tests.bench.handrail_peer import start_behind
from tests.bench.harness import percentile
from tests.bench.trust import knows_its_technicians
from tests.bench.wan import LINKS, WORDS
from tests.kit.display import virtual_display
from tests.kit.shaped_link import Shape, ShapedLink
from tests.kit.waiting import eventually, eventually_async
from tests.kit.world import World

ROOT = Path(__file__).resolve().parents[2]
WANTED = [Capability.VIEW, Capability.CONTROL, Capability.FILES_IN, Capability.FILES_OUT]
PARTS = ("alone", "put", "get")
WARM_SECONDS = 6.0
LIMIT_SECONDS = 3.0
LARGE = 256 * 1024 * 1024


class Endless:
    """A source and a sink of as many bytes as are wanted."""

    size, mtime, mode = LARGE, 0.0, 0o600

    async def read(self, most: int) -> bytes:
        return os.urandom(most)

    async def write(self, data: bytes) -> None:
        """Nobody keeps them."""

    async def restart(self) -> bool:
        return True


class Eyes:
    """The technician's picture, decoded and acknowledged as it comes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._picture = Picture()
        self.changed = asyncio.Event()

    async def watch(self) -> None:
        """Until the session is over."""
        with self._session.subscribe(ScreenLayout, ScreenUpdate) as items:
            self._session.send(ScreenStart([]))
            async for item in items:
                if isinstance(item, ScreenLayout):
                    self._picture.apply_layout(item)
                elif isinstance(item, ScreenUpdate) and self._picture.epoch is not None:
                    self._picture.apply_update(item)
                    self._session.send(ScreenAck(item.sequence))
                    self.changed.set()

    def colour(self) -> int:
        """0 or 1: which colour the window has; -1: neither."""
        if self._picture.pixels.shape[0] < Y + HEIGHT:
            return -1
        blue, green, red = (int(value) for value in self._picture.pixels[Y + HEIGHT // 2, X + WIDTH // 2, :3])
        return 0 if green > red + 60 > blue else 1 if red > green + 60 else -1

    async def shows(self, colour: int) -> None:
        """Until it has that colour."""
        while self.colour() != colour:
            self.changed.clear()
            await self.changed.wait()


async def echo_times(session: Session, eyes: Eyes, echo: Echo, seconds: float) -> list[float]:
    """How long each key took to show, in seconds."""
    generator, end, times = random.Random(1), time.monotonic() + seconds, []
    while time.monotonic() < end:
        expected, at = (echo.pressed + 1) % 2, time.monotonic()
        for pressed in (True, False):
            session.send(Key("KeyA", "a", pressed))
        with suppress(TimeoutError):
            async with asyncio.timeout(LIMIT_SECONDS):
                await eyes.shows(expected)
        times.append(time.monotonic() - at)
        await asyncio.sleep(0.1 + 0.15 * generator.random())
    return times


@asynccontextmanager
async def moving(session: Session, part: str) -> AsyncIterator[Transfer | None]:
    """A transfer of that direction, as long as this lasts."""
    transfer: Transfer | None = None
    async with Supervisor() as tasks:
        if part != "alone":
            bulk = Endless()
            upload = Upload(bulk, b"put.bin", pacer=BulkPacer(), conflict="replace")
            transfer = upload if part == "put" else Download(b"get.bin", bulk)
            transfer.keep = False

            async def run(one: Transfer) -> None:
                _ = await one.run(session)

            tasks.spawn(run(transfer), "a transfer")
            await asyncio.sleep(WARM_SECONDS)
            assert 0 < transfer.moved < LARGE, transfer.moved
        yield transfer


async def measure(world: World, name: str, echo: Echo, seconds: float) -> list[dict[str, Any]]:
    """Every part over one link, in one session."""
    settings = load_settings(world.home)
    identity = unlock(settings.identity_directory, passphrase_file=world.passphrase_file)
    rows: list[dict[str, Any]] = []
    async with RelayClient(identity, settings) as relay:
        device = next(row.id for row in await relay.devices())
        async with (
            await Session.open(relay, device=device, wanted=WANTED) as session,
            Supervisor() as tasks,
        ):
            eyes = Eyes(session)
            tasks.spawn(eyes.watch(), "the picture")
            await eventually_async(lambda: eyes.colour() >= 0, "the window is seen", seconds=60)
            for part in PARTS:
                async with moving(session, part) as transfer:
                    moved, began = transfer.moved if transfer else 0, time.monotonic()
                    times = np.array(await echo_times(session, eyes, echo, seconds)) * 1000
                    rate = ((transfer.moved if transfer else 0) - moved) / (time.monotonic() - began)
                row = {"link": name, "part": part, "keys": len(times), "bytes_per_s": round(rate)}
                rows.append(row | {f"p{q}_ms": percentile(times, q) for q in (50, 95, 99)})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def over(name: str, shape: Shape, seconds: float) -> list[dict[str, Any]]:
    """Start everything behind a link of that shape, and measure."""
    with tempfile.TemporaryDirectory(prefix="handrail-transfers-") as place, virtual_display(1280, 720) as display:
        world = World(Path(place) / "world")
        home = Path(place) / "home"
        home.mkdir()
        with (home / "get.bin").open("wb") as file:
            file.truncate(LARGE)
        world.environment["HOME"] = str(home)
        with ShapedLink(shape, world.port) as link:
            world.environment["HANDRAIL_RELAY_OTHER_URLS"] = f"https://127.0.0.1:{link.port}"
            echo = Echo(display.name)
            try:
                start_behind(world, link, display.name)
                unattended = ",".join(WANTED)
                world.handrail(
                    "org", "policy", "default", "--unattended", unattended, "--passphrase-file", str(world.passphrase_file)
                )
                eventually(lambda: knows_its_technicians(world), "the agent has its signed files", seconds=60, every=0.3)
                time.sleep(3.0)  # the new policy, too
                return asyncio.run(measure(world, name, echo, seconds))
            finally:
                echo.close()
                world.stop()


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: each link, alone and beside each direction."""
    lines = ["| link | beside | key echo p50/p95/p99 ms | keys | transfer kB/s |", "|---|---|---|---|---|"]
    for row in rows:
        times = f"{row['p50_ms']:.0f}/{row['p95_ms']:.0f}/{row['p99_ms']:.0f}"
        lines.append(f"| {WORDS[row['link']]} | {row['part']} | {times} | {row['keys']} | {row['bytes_per_s'] / 1e3:.0f} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run, print the table, keep both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--links", default=",".join(LINKS))
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    rows = [row for name in options.links.split(",") for row in over(name, LINKS[name], options.seconds)]
    out = ROOT / "build" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    (out / f"transfers-{stamp}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (out / f"transfers-{stamp}.md").write_text(table(rows))
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
