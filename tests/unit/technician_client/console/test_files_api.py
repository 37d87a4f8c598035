"""Files through the console's real HTTP, with the device's own part behind it."""

import asyncio
import base64
import io
import json
import os
import time
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import numpy as np
import pytest

from protocol.capabilities import Capability
from protocol.messages import Message
from protocol.messages.files import FileEnd
from technician_client.console import carriage
from technician_client.console.carriage import AT_ONCE
from tests.kit.console import MemoryRelay, MemorySession, running_console, sample_rows
from tests.kit.file_wire import FileWire
from tests.kit.waiting import eventually_async

DATA = os.urandom(900_000)


@dataclass
class Page:
    """A page of the console with a session open."""

    client: aiohttp.ClientSession
    origin: str
    top: str
    home: Path
    session: MemorySession

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body)
        async with self.client.post(f"{self.top}/{path}", data=data, headers={"Origin": self.origin}) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text

    async def upload(self, path: bytes, data: bytes, **options: object) -> Any:
        status, begun = await self.post("uploads", {"path": raw(path), "size": len(data), **options})
        if status != 201:
            return begun
        return (await self.post(f"uploads/{begun['id']}", data))[1]


def raw(path: bytes) -> str:
    return base64.b64encode(path).decode()


@pytest.fixture
async def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Page]:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    session = MemorySession([Capability.FILES_IN, Capability.FILES_OUT], np.zeros((4, 4, 3), np.uint8))
    session.channel = wire = FileWire(home)
    relay = MemoryRelay(session, sample_rows(time.time()))
    async with running_console(relay, tmp_path / "console") as address:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(address.origin, cookie_jar=jar) as client:
            entrance = address.file.read_text("utf-8").split('href="')[1].split('"')[0]
            async with client.get(entrance):
                pass
            wish = {"device": "k3v9w2m4x7q1", "wanted": ["files_in", "files_out"], "label": "reception-pc"}
            async with client.post("/api/v1/sessions", json=wish, headers={"Origin": address.origin}) as answer:
                name = (await answer.json())["id"]
            relay.ready()
            made = Page(client, address.origin, f"/api/v1/sessions/{name}/files", home, session)

            async def is_open() -> bool:
                return (await made.post("list", {}))[0] == 200

            async with asyncio.timeout(60):
                while not await is_open():
                    await asyncio.sleep(0.02)
            yield made
    await wire.close()


async def test_a_file_is_put_and_taken(page: Page) -> None:
    told = await page.upload(b"a/file.bin", DATA, parents=True, mtime=1000.0)
    assert (told["state"], told["done"]) == ("done", len(DATA))
    assert (page.home / "a" / "file.bin").read_bytes() == DATA
    status, begun = await page.post("downloads", {"path": raw(b"a/file.bin")})
    assert (status, begun["size"]) == (201, len(DATA))
    async with page.client.get(f"{page.top}/downloads/{begun['id']}") as answer:
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''file.bin"
        assert answer.headers["Content-Length"] == str(len(DATA))
        assert await answer.read() == DATA
    async with page.client.get(f"{page.top}/downloads/{begun['id']}") as again:
        assert again.status == 404


async def test_an_empty_file_is_put_and_taken(page: Page) -> None:
    assert (await page.upload(b"empty", b""))["state"] == "done"
    _, begun = await page.post("downloads", {"path": raw(b"empty")})
    async with page.client.get(f"{page.top}/downloads/{begun['id']}") as answer:
        assert await answer.read() == b""


async def test_a_taken_name_is_asked_about_before_a_byte_is_sent(page: Page) -> None:
    (page.home / "file").write_bytes(b"theirs")
    assert (await page.upload(b"file", b"ours"))["state"] == "exists"
    assert (await page.upload(b"file", b"ours", conflict="rename"))["path"] == "file (2)"
    assert (page.home / "file").read_bytes() == b"theirs"


async def test_a_download_that_is_not_whole_does_not_look_whole(page: Page) -> None:
    (page.home / "file").write_bytes(DATA)

    def spoil(message: Message) -> Message:
        return FileEnd(message.request, bytes(32)) if isinstance(message, FileEnd) else message

    page.session.channel.edit = spoil
    _, begun = await page.post("downloads", {"path": raw(b"file")})
    with pytest.raises(aiohttp.ClientError):
        async with page.client.get(f"{page.top}/downloads/{begun['id']}") as answer:
            await answer.read()
    async with page.client.get(f"{page.top}/transfers") as answer:
        told = (await answer.json())["transfers"][0]
    assert (told["state"], "hashes differ" in told["text"]) == ("failed", True)


async def test_folders_are_listed_and_made_and_names_are_inert(page: Page) -> None:
    (page.home / os.fsdecode(b"odd\xff\x1b[2J")).write_bytes(b"1")
    assert (await page.post("folder", {"path": raw(b"new")}))[0] == 204
    _, listed = await page.post("list", {})
    names = [(entry["name"], entry["kind"], base64.b64decode(entry["raw"])) for entry in listed["entries"]]
    assert names == [("new", "folder", b"new"), ("odd\\xff\\x1b[2J", "file", b"odd\xff\x1b[2J")]


@pytest.mark.parametrize("path", [b"../x", b"/etc/hostname"])
async def test_paths_that_lead_out_are_refused(page: Page, path: bytes) -> None:
    for what in ("list", "folder"):
        assert (await page.post(what, {"path": raw(path)}))[0] == 409
    assert (await page.post("uploads", {"path": raw(path), "size": 1}))[0] == 409
    assert (await page.post("downloads", {"path": raw(path)}))[1]["state"] == "failed"


@pytest.mark.parametrize("body", [b"junk", {"path": "not base64!"}, {"size": -1}, {"path": "", "extra": 1}])
async def test_what_is_not_understood_is_refused(page: Page, body: Any) -> None:
    assert (await page.post("uploads", body))[0] == 400


async def test_a_transfer_is_paused_and_stopped(page: Page) -> None:
    (page.home / "file").write_bytes(DATA * 10)  # more than the console takes before somebody fetches it
    _, begun = await page.post("downloads", {"path": raw(b"file")})
    assert (await page.post(f"transfers/{begun['id']}", {"action": "pause"}))[0] == 204
    assert (await page.post(f"transfers/{begun['id']}", {"action": "stop"}))[0] == 204

    async def state() -> str:
        async with page.client.get(f"{page.top}/transfers") as answer:
            found: str = (await answer.json())["transfers"][0]["state"]
            return found

    async with asyncio.timeout(60):
        while await state() != "stopped":
            await asyncio.sleep(0.02)
    assert (await page.post("transfers/nothing", {"action": "stop"}))[0] == 404


async def begun_and_never_sent(page: Page) -> None:
    """As many uploads as there are turns, of a page that was reloaded before it sent any of them."""
    for number in range(AT_ONCE):
        status, _ = await page.post("uploads", {"path": raw(b"never %d" % number), "size": 10})
        assert status == 201


async def test_uploads_that_a_page_never_sends_do_not_hold_up_the_others(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carriage, "UNOPENED_SECONDS", 0.2)
    await begun_and_never_sent(page)
    async with asyncio.timeout(60):
        assert (await page.upload(b"file", DATA))["state"] == "done"


async def test_a_transfer_is_stopped_while_it_waits_for_its_turn(page: Page) -> None:
    await begun_and_never_sent(page)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        queued = tasks.create_task(page.post("uploads", {"path": raw(b"queued"), "size": 10}))

        async def named() -> str:
            async with page.client.get(f"{page.top}/transfers") as answer:
                rows = (await answer.json())["transfers"]
            return "".join(row["id"] for row in rows if row["name"] == "queued")

        while not (name := await named()):
            await asyncio.sleep(0.02)
        assert (await page.post(f"transfers/{name}", {"action": "stop"}))[0] == 204
        status, told = await queued
    assert (status, told["state"]) == (200, "stopped")


async def test_a_session_that_is_not_there_is_named(page: Page) -> None:
    async with page.client.post("/api/v1/sessions/x/files/list", data=b"{}", headers={"Origin": page.origin}) as answer:
        assert answer.status == 404


async def test_other_pages_are_kept_out(page: Page) -> None:
    headers = {"Origin": "http://evil.example"}
    async with page.client.post(f"{page.top}/uploads", data=b"{}", headers=headers) as answer:
        assert answer.status == 403
    async with page.client.get(f"{page.top}/transfers", headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 403


async def test_an_upload_goes_on_in_the_session_that_is_resumed(page: Page) -> None:
    first = page.session.channel
    status, begun = await page.post("uploads", {"path": raw(b"file"), "size": len(DATA)})
    assert status == 201
    sending = asyncio.get_running_loop().create_task(page.post(f"uploads/{begun['id']}", DATA))
    await eventually_async(lambda: len(first.said) > 8, "some of it is there")
    first.cut()
    await first.feature.close()
    page.session.channel = second = FileWire(page.home)
    _, told = await sending
    assert told["state"] == "done"
    assert (page.home / "file").read_bytes() == DATA
    await second.close()


async def test_a_folder_arrives_as_one_archive(page: Page) -> None:
    inside = page.home / "papers" / "2026"
    inside.mkdir(parents=True)
    (inside / "report.odt").write_bytes(DATA)
    status, begun = await page.post("downloads", {"path": raw(b"papers"), "folder": True})
    assert (status, begun["name"], begun["folder"]) == (201, "papers.zip", True)
    async with page.client.get(f"{page.top}/downloads/{begun['id']}") as answer:
        assert "papers.zip" in answer.headers["Content-Disposition"]
        archive = zipfile.ZipFile(io.BytesIO(await answer.read()))
    assert archive.namelist() == ["papers/2026/report.odt"]
    assert archive.read("papers/2026/report.odt") == DATA
    async with page.client.get(f"{page.top}/transfers") as answer:
        (told,) = (await answer.json())["transfers"]
    assert (told["state"], told["done"], told["size"]) == ("done", len(DATA), len(DATA))


async def test_an_archive_of_which_a_file_is_wrong_never_looks_whole(page: Page) -> None:
    (page.home / "papers").mkdir()
    (page.home / "papers" / "report.odt").write_bytes(DATA)
    page.session.channel.edit = lambda said: (
        msgspec.structs.replace(said, sha256=b"x" * 32) if isinstance(said, FileEnd) else said
    )
    _, begun = await page.post("downloads", {"path": raw(b"papers"), "folder": True})
    with pytest.raises(aiohttp.ClientPayloadError):
        async with page.client.get(f"{page.top}/downloads/{begun['id']}") as answer:
            await answer.read()


async def test_what_is_no_folder_is_refused_in_words(page: Page) -> None:
    assert (await page.post("downloads", {"path": raw(b"../etc"), "folder": True}))[0] == 409
    status, told = await page.post("downloads", {"path": raw(b"nowhere"), "folder": True})
    assert (status, told["state"]) == (200, "failed")
    assert "not there" in told["text"]
