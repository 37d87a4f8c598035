"""Row 51: somebody sits down at a console that its technician left open, and says what its page can say. The console, its HTTP
and its sockets are real, and so is who asks for the passphrase; a clock stands where time would have to pass."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
import numpy as np
import pytest

from protocol.capabilities import Capability
from protocol.certificates import PrivateKey
from protocol.messages.fixes import FixCatalogue, FixRun
from technician_client.identity import save_keys
from technician_client.step_up import FRESH_SECONDS, StepUp
from technician_client.subscriptions import Publisher
from tests.kit.console import MemoryRelay, MemorySession, running_console, sample_fixes, sample_rows
from tests.kit.waiting import eventually_async

PASSPHRASE = "correct horse battery"
DEVICE = "k3v9w2m4x7q1"
GRANTED = (Capability.VIEW, Capability.CHAT, Capability.FORWARD, Capability.DIAGNOSTICS, Capability.FIXES)


@dataclass
class GuardedRelay(MemoryRelay):
    """A relay's port whose passphrase is that of a real key."""

    step: Any = None

    def demand_step_up(self, capabilities: Iterable[Capability], tier: int = 0) -> None:
        self.step.demand(capabilities, tier)

    async def step_up(self, passphrase: str) -> None:
        await self.step.prove(passphrase)


@dataclass
class Console:
    """What whoever sits there has: a browser that is logged in, and a session that is open."""

    relay: GuardedRelay
    client: aiohttp.ClientSession
    socket: aiohttp.ClientWebSocketResponse
    headers: dict[str, str]

    @property
    def session(self) -> MemorySession:
        return self.relay.session

    async def says(self, said: Any, answer: str) -> dict[str, Any]:
        """Say it on the session's socket; the next answer of that kind."""
        await self.socket.send_str(json.dumps(said))
        told: dict[str, Any] = await self.hears(lambda value: isinstance(value, dict) and value["type"] == answer)
        return told

    async def hears(self, wanted: Callable[[Any], bool]) -> Any:
        """The next text like that."""
        while True:
            frame = await self.socket.receive(timeout=60)
            assert frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), frame
            if frame.type is aiohttp.WSMsgType.TEXT and wanted(value := json.loads(frame.data)):
                return value

    async def posts(self, path: str, body: dict[str, Any]) -> int:
        async with self.client.post(f"/api/v1/{path}", json=body, headers=self.headers) as answer:
            return answer.status


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("identity")
    save_keys(directory, PrivateKey.generate(), PrivateKey.generate(), PASSPHRASE.encode())
    return directory


@pytest.fixture
async def left_open(identity: Path, tmp_path: Path) -> AsyncIterator[Console]:
    """Its technician typed the passphrase, opened a session, and went away a quarter of an hour ago."""
    passed = 0.0
    session = MemorySession(GRANTED, np.zeros((4, 4, 3), np.uint8))
    session.fixes = [msgspec.structs.replace(sample_fixes()[0], id="far", min_tier=3), sample_fixes()[0]]
    session.channel = SimpleNamespace(
        subscribe=lambda *_kinds, limit: Publisher[Any]().subscribe(lambda _item: True, limit), pending=lambda _lane: 0
    )
    step = StepUp(identity, proved=True, clock=lambda: 1000.0 + passed, wall=lambda: 1.8e9 + passed)
    relay = GuardedRelay(session, sample_rows(time.time()), step=step)
    relay.ready()
    async with running_console(relay, tmp_path) as address:
        headers = {"Origin": address.origin}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(address.origin, cookie_jar=jar) as client:
            async with client.get(address.file.read_text("utf-8").split('href="')[1].split('"')[0]) as answer:
                assert answer.status == 200
            wish = {"device": DEVICE, "wanted": ["view"]}
            async with client.post("/api/v1/sessions", json=wish, headers=headers) as answer:
                name = (await answer.json())["id"]
            async with client.ws_connect(f"/api/v1/sessions/{name}/socket", origin=address.origin) as socket:
                console = Console(relay, client, socket, headers)
                await console.hears(lambda value: isinstance(value, dict) and value.get("phase") == "open")
                session.say(FixCatalogue(1, session.fixes))
                await console.hears(lambda value: isinstance(value, list) and value[0] == "fixes.catalogue")
                passed = FRESH_SECONDS + 1
                yield console


@pytest.mark.attack(51, without=("passphrase_again",))
async def test_a_fix_of_the_third_tier_does_not_leave_an_open_console(left_open: Console) -> None:
    for number, fix in enumerate(("far", "never-listed"), 7):
        await left_open.socket.send_str(json.dumps(["fixes.run", number, fix, {}, ""]))
    await left_open.says({"type": "ask", "capability": "chat"}, "asked")  # what was said before it has been dealt with
    assert left_open.session.of(FixRun) == []
    await left_open.socket.send_str(json.dumps(["fixes.run", 9, left_open.session.fixes[1].id, {}, ""]))
    await eventually_async(lambda: left_open.session.of(FixRun), "one of the first tier does")


@pytest.mark.attack(51, without=("passphrase_again",))
async def test_nothing_of_the_third_tier_is_asked_for_at_an_open_console(left_open: Console) -> None:
    await left_open.says({"type": "ask", "capability": "terminal"}, "asked")
    await left_open.posts("sessions", {"device": DEVICE, "wanted": ["terminal", "files_out"]})
    assert left_open.session.asked == []
    assert len(left_open.relay.opened) == 1


@pytest.mark.attack(51, without=("passphrase_again",))
async def test_no_port_is_forwarded_at_an_open_console(left_open: Console) -> None:
    answer = await left_open.says({"type": "forward", "port": 5432, "local": 0}, "forward_started")
    assert answer["number"] == 0, "it is listened"


@pytest.mark.attack(51)
async def test_the_passphrase_cannot_be_guessed_at_an_open_console(left_open: Console) -> None:
    tries = [await left_open.posts("step-up", {"passphrase": f"guess {number}"}) for number in range(6)]
    assert tries == [403, 403, 403, 403, 403, 429]
    assert await left_open.posts("step-up", {"passphrase": PASSPHRASE}) == 429  # not even the right one, for a minute
