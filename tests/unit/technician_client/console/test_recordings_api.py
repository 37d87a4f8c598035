"""The routes of recordings, asked as a page asks."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from technician_client.console.recordings_api import RecordingsApi
from technician_client.recordings.names import new_path
from technician_client.recordings.writer import End, Meta, RecordingWriter
from tests.kit.recordings import HEIGHT, WIDTH, Source

KEY = b"k" * 32
Client = TestClient[web.Request, web.Application]


@pytest.fixture
def name(tmp_path: Path) -> str:
    writer = RecordingWriter(
        new_path(tmp_path, "Till", 1795262400.0), KEY, b"s" * 32, Meta("s-1", "dev1", "Till", "Ana Ruiz", "Example", 1795262400.0)
    )
    writer.write(list(Source().busy(3)))
    writer.close(End("technician"))
    return writer.path.stem


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    application = web.Application()
    RecordingsApi(tmp_path, KEY).add_routes(application)
    async with TestClient(TestServer(application)) as client:
        yield client


async def test_they_are_listed_and_deleted(client: Client, name: str, tmp_path: Path) -> None:
    (row,) = (await (await client.get("/api/v1/recordings")).json())["recordings"]
    assert (row["name"], row["label"], row["end"], row["exported"]) == (name, "Till", "technician", False)
    assert row["seconds"] == pytest.approx(2.95)
    assert (await client.get(f"/api/v1/recordings/{name}/video")).status == 404
    (tmp_path / f"{name}.mp4").write_bytes(b"what was exported, in the clear")
    assert (await client.delete(f"/api/v1/recordings/{name}")).status == 204
    assert (await client.delete(f"/api/v1/recordings/{name}")).status == 404
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", ["..%2f..%2fetc", "nothing", "a.b"])
async def test_a_name_leads_nowhere_else(client: Client, bad: str) -> None:
    for method, part in (("GET", "/video"), ("DELETE", "")):
        assert (await client.request(method, f"/api/v1/recordings/{bad}{part}")).status == 404


async def test_playing_shows_a_picture_and_follows_commands(client: Client, name: str) -> None:
    async with client.ws_connect(f"/api/v1/recordings/{name}/play") as socket:
        told: list[Any] = []
        pictures = 0
        await socket.send_json({"type": "play", "speed": 8})
        async for frame in socket:
            if isinstance(frame.data, bytes):
                pictures += frame.data[0] == 1
                await socket.send_json({"type": "painted", "sequence": pictures})
                continue
            told.append(frame.json())
            if isinstance(told[-1], dict) and told[-1].get("seconds", 0) >= 2.9 and told[-1].get("playing") is False:
                break
        assert told[0]["label"] == "Till"
        (layout,) = [one for one in told if isinstance(one, list) and one[0] == "screen.layout"]
        assert layout[2:4] == [WIDTH, HEIGHT]
        assert 2 < pictures < 40
        await socket.send_json({"type": "seek", "at": 1.0})
        told = [(await socket.receive()) for _ in range(2)]
        await socket.send_str("nonsense")
        while not socket.closed:
            await socket.receive(timeout=10)


async def test_what_does_not_play_says_why(client: Client, name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.hrrec").write_bytes(b"a letter")
    async with client.ws_connect(f"/api/v1/recordings/{name}/play") as socket:
        assert "not a recording" in (await socket.receive_json())["text"]
    async with client.ws_connect(f"/api/v1/recordings/{name}/export") as socket:
        assert (await socket.receive_json())["type"] == "fault"


async def test_an_export_tells_how_far_it_is_and_where_it_lies(client: Client, name: str, tmp_path: Path) -> None:
    async with client.ws_connect(f"/api/v1/recordings/{name}/export") as socket:
        told = [frame.json() async for frame in socket]
    assert told[-1] == {"type": "done", "file": str(tmp_path / f"{name}.mp4")}
    parts = [one["part"] for one in told[:-1]]
    assert parts == sorted(parts)
    answer = await client.get(f"/api/v1/recordings/{name}/video")
    assert answer.headers["Content-Type"] == "video/mp4"
    assert (await answer.read())[4:8] == b"ftyp"


async def test_closing_the_socket_stops_the_export(client: Client, name: str, tmp_path: Path) -> None:
    async with client.ws_connect(f"/api/v1/recordings/{name}/export") as socket:
        await socket.receive()
    left = {path.suffix for path in tmp_path.iterdir()}
    assert left <= {".hrrec", ".part", ".mp4"}
