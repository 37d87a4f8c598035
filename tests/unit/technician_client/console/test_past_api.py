"""The routes of past sessions, asked as a page asks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from technician_client.console.past_api import PastApi
from tests.kit.past import CUT, RECORDING, SESSION, keep_two_sessions

Client = TestClient[web.Request, web.Application]


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    application = web.Application()
    PastApi(keep_two_sessions(tmp_path)).add_routes(application)
    async with TestClient(TestServer(application)) as client:
        yield client


async def test_they_are_listed_with_what_is_kept(client: Client) -> None:
    newest, cut = (await (await client.get("/api/v1/past")).json())["sessions"]
    assert (newest["session"], newest["fixes"], newest["files"], newest["recordings"], newest["noted"]) == (
        SESSION,
        1,
        2,
        1,
        True,
    )
    assert (cut["session"], cut["label"], cut["files"]) == (CUT, "Till 3", 0)


async def test_one_tells_whether_its_recordings_are_still_there(client: Client, tmp_path: Path) -> None:
    told = await (await client.get(f"/api/v1/past/{SESSION}")).json()
    assert told["recordings"] == [{"name": RECORDING, "there": False}]
    assert told["fixes"][0] == {
        "name": "free-disk-space 1.2",
        "outcome": "fixed",
        "changed": "solved: The disk is nearly full; still there: 12 updates wait",
    }
    assert "order paper. <img" in told["note"]
    assert not any(sign in str(told) for sign in ("\u202e", "\x1b"))
    assert told["records"][0]["words"] == "The session opened with: view, control"
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / f"{RECORDING}.hrrec").write_bytes(b"")
    told = await (await client.get(f"/api/v1/past/{SESSION}")).json()
    assert told["recordings"] == [{"name": RECORDING, "there": True}]


@pytest.mark.parametrize(("form", "kind"), [("md", "text/markdown"), ("html", "text/html"), ("json", "application/json")])
async def test_it_is_exported_as_a_file(client: Client, form: str, kind: str) -> None:
    answer = await client.get(f"/api/v1/past/{SESSION}/export?form={form}")
    assert (answer.status, answer.content_type) == (200, kind)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="session-{SESSION}.{form}"'
    assert "order paper" in await answer.text()


@pytest.mark.parametrize("name", ["last", SESSION[:3], "zz", "..%2fnotes"])
async def test_only_whole_names_lead_anywhere(client: Client, name: str) -> None:
    assert (await client.get(f"/api/v1/past/{name}")).status == 404
    assert (await client.get(f"/api/v1/past/{name}/export")).status == 404
    assert (await client.get(f"/api/v1/past/{SESSION}/export?form=exe")).status == 400
