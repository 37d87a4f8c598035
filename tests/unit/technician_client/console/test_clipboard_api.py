"""The clipboard through the console's real HTTP, with the device's own part behind it."""

import time
from pathlib import Path

import aiohttp
import numpy as np

from agent.features.clipboard import ClipboardFeature
from protocol.capabilities import Capability
from protocol.messages.clipboard import TEXT_BYTES
from tests.kit.console import MemoryRelay, MemorySession, running_console, sample_rows
from tests.kit.file_wire import FileWire
from tests.kit.waiting import eventually_async
from tests.unit.technician_client.test_clipboards import Memory


async def test_contents_go_there_and_back_and_other_pages_are_kept_out(tmp_path: Path) -> None:
    session = MemorySession([Capability.CLIPBOARD_IN, Capability.CLIPBOARD_OUT], np.zeros((4, 4, 3), np.uint8))
    session.channel = wire = FileWire(tmp_path, kind=ClipboardFeature)
    assert isinstance(wire.feature, ClipboardFeature)
    wire.feature._clipboard = Memory()
    relay = MemoryRelay(session, sample_rows(time.time()))
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        running_console(relay, tmp_path / "console") as address,
        aiohttp.ClientSession(address.origin, cookie_jar=jar) as client,
    ):
        own = {"Origin": address.origin}
        async with client.get(address.file.read_text("utf-8").split('href="')[1].split('"')[0]):
            pass
        wish = {"device": "k3v9w2m4x7q1", "wanted": ["clipboard_in"], "label": "reception-pc"}
        async with client.post("/api/v1/sessions", json=wish, headers=own) as answer:
            top = f"/api/v1/sessions/{(await answer.json())['id']}/clipboard"
        relay.ready()
        await eventually_async(lambda: relay.opened, "the session")
        async with client.post(f"{top}/text", data="Grüße".encode(), headers=own) as answer:
            assert answer.status in (204, 409)  # not open yet is said too
        async with client.post(f"{top}/text", data="Grüße".encode(), headers=own) as answer:
            assert answer.status == 204
        async with client.get(f"{top}/text") as answer:
            assert answer.content_type == "application/octet-stream"
            assert (await answer.read()).decode() == "Grüße"
        async with client.get(f"{top}/image") as answer:
            assert (answer.status, (await answer.json())["reason"]) == (409, "not_found")
        async with client.post(f"{top}/text", data=bytes(TEXT_BYTES // 2), headers={"Origin": "http://evil.example"}) as answer:
            assert answer.status == 403
        async with client.post("/api/v1/sessions/nothing/clipboard/text", data=b"x", headers=own) as answer:
            assert answer.status == 409
    await wire.close()
