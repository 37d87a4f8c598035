"""Standing, preferences, library and runs, asked for as the page does."""

import csv
import dataclasses
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import numpy as np
import pytest

from protocol.errors import TrustError, Unavailable
from technician_client.colleagues import Colleague
from technician_client.console import office_api
from technician_client.console.office_api import OfficeApi
from technician_client.console.preferences import PreferencesFile
from technician_client.known import KnownDevice
from technician_client.published import Library
from tests.kit.console import MemoryRelay, MemorySession, digest_of, running_console, sample_library, sample_rows
from tests.kit.waiting import eventually_async
from tests.unit.technician_client.console.test_api import Page

SHOWN = sample_library().scripts["empty-trash"].digest
RUN = {"fix": "empty-trash", "digest": SHOWN, "devices": {"k3v9w2m4x7q1": "reception-pc"}, "reason": "disk"}


@pytest.fixture
def relay() -> MemoryRelay:
    return MemoryRelay(MemorySession([], np.zeros((4, 4, 3), np.uint8)), sample_rows(time.time()))


@pytest.fixture
async def page(relay: MemoryRelay, tmp_path: Path) -> AsyncIterator[Page]:
    async with running_console(relay, tmp_path) as address:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(address.origin, cookie_jar=jar) as client:
            entrance = address.file.read_text("utf-8").split('href="')[1].split('"')[0]
            async with client.get(entrance):
                yield Page(client, address.origin)


def test_every_route_is_in_the_table() -> None:
    routes = [line.split()[:2] for line in (office_api.__doc__ or "").splitlines() if "/api/v1/" in line]
    assert len(routes) == 12
    assert OfficeApi.add_routes.__doc__


async def test_the_standing_has_identity_relay_and_licences(page: Page) -> None:
    _, told = await page.ask("GET", "/api/v1/standing")
    assert (told["organisation_name"], told["round_trip"], told["renewable"]) == ("Example Ltd", 0.0183, True)
    assert told["not_before"] < told["renewal_from"] < told["not_after"]
    assert {row["name"] for row in told["about"]["page"]} >= {"preact"}


async def test_what_is_installed_is_read_once(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def about() -> dict[str, object]:
        read.append(1)
        return {"product": "x"}

    monkeypatch.setattr(office_api, "about", about)
    for _ in range(2):
        _, told = await page.ask("GET", "/api/v1/standing")
        assert told["about"] == {"product": "x"}
    assert read == [1]


async def test_a_certificate_is_renewed_or_the_page_hears_why_not(page: Page, relay: MemoryRelay) -> None:
    before = relay.standing_now.not_after.timestamp()
    status, told = await page.ask("POST", "/api/v1/renew", {})
    assert status == 200 and told["not_after"] > before
    relay.not_renewed = Unavailable("The organisation's signer has not answered.")
    status, problem = await page.ask("POST", "/api/v1/renew", {})
    assert (status, problem["detail"]) == (502, "The organisation's signer has not answered.")


async def test_preferences_are_kept_and_checked(page: Page, tmp_path: Path) -> None:
    assert (await page.ask("POST", "/api/v1/preferences", {"theme": "dark", "favourites": ["k3v9"]}))[0] == 204
    assert PreferencesFile(tmp_path).now.favourites == ["k3v9"]
    for wrong in ({"theme": "pink"}, b"junk", {"more": 1}):
        assert (await page.ask("POST", "/api/v1/preferences", wrong))[0] == 400


async def test_the_library_has_approvals_and_each_script_its_text_and_change(page: Page, relay: MemoryRelay) -> None:
    _, library = await page.ask("GET", "/api/v1/library")
    trash = next(row for row in library["scripts"] if row["id"] == "empty-trash")
    assert len(trash["approval"]["signers"]) == trash["approval"]["threshold"] == 2
    assert "files" not in trash
    _, script = await page.ask("GET", "/api/v1/library/empty-trash")
    assert script["files"][0]["text"].startswith('"""Empty')
    assert script["change"]["version"] == "0.9"
    assert "-    print('old')" in "\n".join(script["change"]["lines"]) or any("old" in line for line in script["change"]["lines"])
    assert (await page.ask("GET", "/api/v1/library/nothing"))[0] == 404
    relay.shelf = TrustError("The signed files on the relay do not verify.")
    status, problem = await page.ask("GET", "/api/v1/library")
    assert (status, problem["detail"]) == (502, "The signed files on the relay do not verify.")


async def test_colleagues_who_are_there_are_named_or_it_is_said_why_not(page: Page, relay: MemoryRelay) -> None:
    relay.online = (Colleague("q7w3", "Ben Ruiz", 3),)
    status, told = await page.ask("GET", "/api/v1/colleagues")
    assert (status, told) == (200, {"colleagues": [{"peer": "q7w3", "name": "Ben Ruiz", "tier": 3}]})
    relay.online = Unavailable("The relay is away.")
    status, problem = await page.ask("GET", "/api/v1/colleagues")
    assert (status, problem["detail"]) == (502, "The relay is away.")


async def test_a_run_is_started_shown_reported_and_stopped(page: Page, relay: MemoryRelay) -> None:
    status, made = await page.ask("POST", "/api/v1/runs", RUN)
    assert status == 201
    await eventually_async(lambda: relay.orders, "the order")
    assert (relay.orders[0].devices, relay.orders[0].digest) == (("k3v9w2m4x7q1",), SHOWN)
    path = f"/api/v1/runs/{made['id']}"
    relay.hold_runs.set()

    async def ended() -> bool:
        return bool((await page.ask("GET", path))[1]["ended"])

    while not await ended():
        pass
    _, run = await page.ask("GET", path)
    assert run["counts"]["good"] == 1
    async with page.client.get(f"{path}/report.csv") as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="empty-trash.csv"'
        rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [row["outcome"] for row in rows] == ["fixed"]
    assert (await page.ask("GET", f"{path}/report.json"))[1]["fix"] == "empty-trash"
    assert (await page.ask("GET", "/api/v1/runs"))[1]["runs"][0]["id"] == made["id"]
    relay.hold_runs.clear()
    _, second = await page.ask("POST", "/api/v1/runs", RUN)
    assert (await page.ask("DELETE", f"/api/v1/runs/{second['id']}"))[0] == 204
    assert (await page.ask("GET", f"/api/v1/runs/{second['id']}"))[1]["cancelled"] is True


async def test_a_run_is_of_the_fix_as_it_is_approved_now_and_as_it_was_shown(page: Page, relay: MemoryRelay) -> None:
    await page.ask("GET", "/api/v1/library")
    await page.ask("GET", "/api/v1/library/empty-trash")
    assert isinstance(relay.shelf, Library)
    shown = relay.shelf.scripts["empty-trash"]
    manifest = msgspec.structs.replace(shown.manifest, version="9.9", min_tier=3)
    newer = dataclasses.replace(shown, manifest=manifest, digest=digest_of(manifest))
    relay.shelf = dataclasses.replace(relay.shelf, scripts={"empty-trash": newer})
    status, told = await page.ask("POST", "/api/v1/runs", RUN)
    assert (status, told["reason"], relay.orders) == (409, "changed", [])
    assert "version 9.9" in told["detail"] and "Look at it again" in told["detail"] and "changed" in told["title"]
    _, script = await page.ask("GET", "/api/v1/library/empty-trash")
    status, made = await page.ask("POST", "/api/v1/runs", RUN | {"digest": script["digest"]})
    assert status == 201
    assert (await page.ask("GET", f"/api/v1/runs/{made['id']}"))[1]["version"] == "9.9"
    assert (await page.ask("GET", "/api/v1/library/empty-trash"))[1]["version"] == "9.9"
    relay.shelf = dataclasses.replace(relay.shelf, scripts={})
    assert (await page.ask("POST", "/api/v1/runs", RUN))[0] == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"junk", 400),
        (RUN | {"devices": {}}, 400),
        (RUN | {"digest": ""}, 400),
        (RUN | {"devices": {"../x": "x"}}, 400),
        (RUN | {"more": 1}, 400),
        (RUN | {"parameters": {"unknown": 1}}, 400),
        (RUN | {"fix": "nothing"}, 404),
    ],
)
async def test_what_is_no_order_starts_nothing(page: Page, relay: MemoryRelay, body: object, status: int) -> None:
    assert (await page.ask("POST", "/api/v1/runs", body))[0] == status
    assert relay.orders == []


async def test_the_passphrase_stands_before_a_run_where_it_is_asked_for(page: Page, relay: MemoryRelay) -> None:
    from technician_client.fleet_fixes import WANTED

    relay.guarded = frozenset(WANTED)
    status, problem = await page.ask("POST", "/api/v1/runs", RUN)
    assert (status, problem["reason"]) == (403, "step_up")


async def test_runs_that_are_not_there(page: Page) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/report.csv"), ("GET", "/report.json")):
        assert (await page.ask(method, f"/api/v1/runs/nothing{path}"))[0] == 404


async def test_what_is_known_of_devices_reaches_the_page(page: Page, relay: MemoryRelay) -> None:
    relay.known = {"k3v9w2m4x7q1": KnownDevice("reception-pc", "front", 1.0, "maria", "EX-1")}
    async with page.client.ws_connect("/api/v1/live", headers={"Origin": page.origin}) as socket:
        seen: list[dict[str, object]] = []
        while not any(one["type"] == "known" for one in seen):
            seen.append(await socket.receive_json(timeout=5))
        relay.now_known.publish({"h2j5l8z1c4b7": KnownDevice("meeting-room-2", "office", 1.0)})
        while sum(one["type"] == "known" for one in seen) < 2:
            seen.append(await socket.receive_json(timeout=5))
    first, second = (one["devices"] for one in seen if one["type"] == "known")
    assert first[0]["user"] == "maria" and first[0]["health"] is None  # type: ignore[index]
    assert second[0]["id"] == "h2j5l8z1c4b7"  # type: ignore[index]
