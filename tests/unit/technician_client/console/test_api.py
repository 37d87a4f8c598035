"""The console's routes, spoken to as its page does."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.link_messages import DeviceRow
from technician_client.console.api import ConsoleApi
from technician_client.console.ports import DevicesUpdate, RelayState, Target
from tests.kit.console import MemoryRelay, MemorySession, running_console, sample_rows
from tests.kit.waiting import eventually_async

WISH = {"device": "k3v9w2m4x7q1", "wanted": ["view", "chat"], "reason": "printer", "label": "reception-pc"}


@pytest.fixture
def relay() -> MemoryRelay:
    return MemoryRelay(MemorySession([Capability.VIEW], np.zeros((4, 4, 3), np.uint8)), sample_rows(time.time()))


class Page:
    def __init__(self, client: aiohttp.ClientSession, origin: str) -> None:
        self.client = client
        self.origin = origin

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.client.request(method, path, data=data, headers={"Origin": self.origin}) as answer:
            text = await answer.text()
            if answer.status >= 400:
                assert answer.content_type == "application/problem+json"
            return answer.status, json.loads(text) if text else None


@pytest.fixture
async def page(relay: MemoryRelay, tmp_path: Path) -> AsyncIterator[Page]:
    async with running_console(relay, tmp_path) as address:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(address.origin, cookie_jar=jar) as client:
            entrance = address.file.read_text("utf-8").split('href="')[1].split('"')[0]
            async with client.get(entrance) as answer:
                assert answer.status == 200
            yield Page(client, address.origin)


async def test_a_session_is_opened_listed_and_ended(page: Page, relay: MemoryRelay) -> None:
    status, made = await page.ask("POST", "/api/v1/sessions", WISH)
    assert status == 201
    await eventually_async(lambda: relay.opened, "the call")
    assert relay.opened == [(Target(device="k3v9w2m4x7q1"), (Capability.VIEW, Capability.CHAT), "printer")]
    _, listed = await page.ask("GET", "/api/v1/sessions")
    assert [(row["id"], row["label"], row["verified"]) for row in listed["sessions"]] == [(made["id"], "reception-pc", False)]
    assert (await page.ask("DELETE", f"/api/v1/sessions/{made['id']}"))[0] == 204
    _, listed = await page.ask("GET", "/api/v1/sessions")
    assert listed["sessions"][0]["phase"] == "over"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"junk",
        b"[" * 10000,
        {},
        {"wanted": ["view"]},
        WISH | {"code": "482913507"},
        WISH | {"wanted": []},
        WISH | {"wanted": ["everything"]},
        WISH | {"device": "../../etc"},
        WISH | {"reason": "x" * 501},
        WISH | {"more": 1},
        {"code": "12345678", "wanted": ["view"]},
        {"code": "48291350a", "wanted": ["view"]},
        {"code": "482913507\n", "wanted": ["view"]},
    ],
)
async def test_what_is_not_a_wish_is_refused_and_opens_nothing(page: Page, relay: MemoryRelay, body: Any) -> None:
    status, problem = await page.ask("POST", "/api/v1/sessions", body)
    assert (status, problem["status"]) == (400, 400)
    assert relay.opened == []


async def test_a_body_without_end_is_not_read(page: Page) -> None:
    async with page.client.post("/api/v1/sessions", data=bytes(200_000), headers={"Origin": page.origin}) as answer:
        assert answer.status == 413


async def test_too_many_sessions_are_refused_by_name(page: Page) -> None:
    for _ in range(16):
        assert (await page.ask("POST", "/api/v1/sessions", WISH))[0] == 201
    status, problem = await page.ask("POST", "/api/v1/sessions", WISH)
    assert status == 429
    assert "End one" in problem["detail"]


async def test_unknown_sessions_are_not_there(page: Page) -> None:
    assert (await page.ask("DELETE", "/api/v1/sessions/nobody"))[0] == 404
    assert (await page.ask("GET", "/api/v1/sessions/nobody/socket"))[0] == 404


async def test_the_page_hears_who_is_here_and_every_change(page: Page, relay: MemoryRelay) -> None:
    async with page.client.ws_connect("/api/v1/live", origin=page.origin) as live:
        heard: list[dict[str, Any]] = []

        async def until(kind: str) -> dict[str, Any]:
            while True:
                heard.append(await live.receive_json(timeout=5))
                if heard[-1]["type"] == kind:
                    return heard[-1]

        hello = await until("hello")
        assert (hello["name"], hello["tier"]) == ("Anna Berger", 2)
        assert hello["capabilities"]["control"] == {"words": "use your mouse and keyboard", "tier": 1}
        assert await until("relay") == {"type": "relay", "online": True, "text": "", "retry_in": 0.0, "refused": False}
        relay.loaded.set()
        devices = await until("devices")
        assert devices["replace"] is True
        assert {row["id"] for row in devices["devices"]} == set(relay.rows)
        relay.change(DevicesUpdate((DeviceRow("newone", "<b>new</b>", "", True, 1.0),)))
        assert await until("devices") == {
            "type": "devices",
            "replace": False,
            "piece": 0,
            "last": True,
            "devices": [
                {"id": "newone", "label": "<b>new</b>", "platform": "", "online": True, "last_seen": 1.0, "waiting": False}
                | {"waiting_text": "", "waiting_since": 0.0, "waiting_tier": 0, "waiting_peer": ""}
            ],
        }
        relay.change(RelayState(False, "cut"))
        assert await until("relay") == {"type": "relay", "online": False, "text": "cut", "retry_in": 0.0, "refused": False}
        await page.ask("POST", "/api/v1/sessions", WISH)
        while not (await until("sessions"))["sessions"]:
            pass


async def test_a_long_list_comes_in_pieces(page: Page, relay: MemoryRelay) -> None:
    relay.rows = {f"d{number}": DeviceRow(f"d{number}", f"pc-{number}", "", True, 0.0) for number in range(1201)}
    relay.loaded.set()
    async with page.client.ws_connect("/api/v1/live", origin=page.origin, max_msg_size=0) as live:
        pieces: list[tuple[bool, int, bool, int]] = []
        while not pieces or not pieces[-1][2]:
            value = await live.receive_json(timeout=5)
            if value["type"] == "devices":
                pieces.append((value["replace"], value["piece"], value["last"], len(value["devices"])))
        assert pieces == [(True, 0, False, 500), (True, 1, False, 500), (True, 2, True, 201)]


def test_every_handler_is_told_in_the_table_of_the_module() -> None:
    import technician_client.console.api as module

    table = module.__doc__ or ""
    handlers = [
        getattr(ConsoleApi, name).__doc__ for name in ("live", "list_sessions", "open_session", "end_session", "session_socket")
    ]
    for line in handlers:
        method, path = line.split()[:2]
        assert any(method in row and path in row for row in table.splitlines()), line


async def test_a_code_of_either_form_is_taken_and_nothing_between(page: Page, relay: MemoryRelay) -> None:
    for code in ("482913507", "482913507-ABCDEFGH"):
        status, _ = await page.ask("POST", "/api/v1/sessions", {"code": code, "wanted": ["view"]})
        assert status == 201
    await eventually_async(lambda: len(relay.opened) == 2, "both calls")
    assert [target.code for target, _, _ in relay.opened] == ["482913507", "482913507-ABCDEFGH"]
    for code in ("482913507-", "482913507-abcdefgh", "482913507-ABCDEFG", "482913507ABCDEFGH", "482913507-ABCDEFG1"):
        status, _ = await page.ask("POST", "/api/v1/sessions", {"code": code, "wanted": ["view"]})
        assert status == 400


async def test_what_reaches_far_takes_the_passphrase_first(page: Page, relay: MemoryRelay) -> None:
    relay.guarded = frozenset({Capability.TERMINAL})
    status, problem = await page.ask("POST", "/api/v1/sessions", WISH | {"wanted": ["terminal"]})
    assert (status, problem["reason"]) == (403, "step_up")
    assert relay.opened == []
    status, problem = await page.ask("POST", "/api/v1/step-up", {"passphrase": "wrong"})
    assert status == 403
    assert "wrong" not in str(problem)
    for body in ({"passphrase": ""}, {"passphrase": 5}, {"passphrase": "x" * 2000}, {}):
        status, problem = await page.ask("POST", "/api/v1/step-up", body)
        assert (status, problem["detail"]) == (400, "")
    status, _ = await page.ask("POST", "/api/v1/step-up", {"passphrase": "correct horse"})
    assert status == 204
    status, _ = await page.ask("POST", "/api/v1/sessions", WISH | {"wanted": ["terminal"]})
    assert status == 201


async def test_too_many_wrong_passphrases_are_refused_by_name(page: Page, relay: MemoryRelay) -> None:
    async def locked(passphrase: str) -> None:
        raise Refused("Too many wrong passphrases. Wait a minute.", reason=RefusalReason.LOCKED)

    relay.step_up = locked  # type: ignore[method-assign]
    status, problem = await page.ask("POST", "/api/v1/step-up", {"passphrase": "x"})
    assert (status, problem["detail"]) == (429, "Too many wrong passphrases. Wait a minute.")


async def test_a_wish_to_come_back_after_a_restart_is_passed_on(page: Page, relay: MemoryRelay) -> None:
    status, _ = await page.ask("POST", "/api/v1/sessions", WISH | {"after_restart": 900})
    assert status == 201
    await eventually_async(lambda: relay.opened, "it is opened")
    assert relay.opened[0][0].after_restart == 900.0
    assert (await page.ask("POST", "/api/v1/sessions", WISH | {"after_restart": 3601}))[0] == 400
