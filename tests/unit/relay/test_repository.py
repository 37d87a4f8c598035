"""The mirror: anybody reads, the signer writes."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import ClientSession
from sqlalchemy import func, select

from protocol.limits import LIMITS
from protocol.link_messages import RepositoryChanged, UploadAsk, UploadTicket
from relay.config import Bounds
from relay.metrics import Loss, Refusal
from relay.pruning import TIMESTAMP
from relay.store.database import StoreError
from relay.store.models import RepositoryFile
from technician_client.organisation.approvals import read_script
from tests.kit.founded import Founded
from tests.kit.organisation import Organisation
from tests.kit.relays import Peer, RunningRelay, serving


async def put(http: ClientSession, path: str, body: bytes, ticket: str) -> int:
    async with http.put(path, data=BytesIO(body), headers={"Authorization": f"Bearer {ticket}"}) as answer:
        return answer.status


async def ticket(signer: Peer) -> str:
    return (await signer.request(UploadAsk(1), UploadTicket)).ticket


async def test_what_the_signer_writes_anybody_reads(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client, client.http() as http:
        await client.register(org)
        bearer = await ticket(await client.login(org.signer()))
        base = f"/tuf/{org.id}"
        script = f"{base}/targets/scripts/fix-dns/1/0a1b.run-fix.py"
        assert await put(http, script, b"print()", bearer) == 204
        assert await put(http, script, b"print(1)", bearer) == 204
        assert await put(http, f"{base}/metadata/1.root.json", b"{}", bearer) == 204
        async with http.get(script) as answer:
            assert (answer.status, await answer.read(), answer.content_type) == (200, b"print(1)", "application/octet-stream")
            tag = answer.headers["ETag"]
        async with http.get(script, headers={"If-None-Match": tag}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
        async with http.get(f"{base}/metadata/1.root.json") as answer:
            assert answer.content_type == "application/json"
        async with http.head(script) as answer:
            assert (answer.status, answer.headers["Content-Length"]) == (200, "8")
        for missing in (f"{base}/metadata/2.root.json", f"/tuf/{'0' * 16}/metadata/1.root.json"):
            async with http.get(missing) as answer:
                assert answer.status == 404


async def test_a_new_timestamp_is_told_to_the_organisation_and_to_no_other(tmp_path: Path) -> None:
    org, other = Organisation(), Organisation()
    async with serving(tmp_path) as client, client.http() as http:
        await client.register(org)
        await client.register(other)
        signer, device, stranger = (
            await client.login(org.signer()),
            await client.login(org.device()),
            await client.login(other.device()),
        )
        bearer = await ticket(signer)
        assert await put(http, f"/tuf/{org.id}/metadata/snapshot.json", b"{}", bearer) == 204
        assert await put(http, f"/tuf/{org.id}/metadata/timestamp.json", b"{}", bearer) == 204
        assert await device.receive(RepositoryChanged) == RepositoryChanged()
        assert device.inbox == []
        other_bearer = await ticket(await client.login(other.signer()))
        assert await put(http, f"/tuf/{other.id}/metadata/timestamp.json", b"{}", other_bearer) == 204
        await stranger.receive(RepositoryChanged)
        assert stranger.inbox == [], "the other organisation's change was not told"


async def test_writing_needs_a_ticket_of_that_organisation(tmp_path: Path) -> None:
    org, other = Organisation(), Organisation()
    async with serving(tmp_path) as client, client.http() as http:
        await client.register(org)
        await client.register(other)
        path = f"/tuf/{org.id}/metadata/timestamp.json"
        bearer = await ticket(await client.login(other.signer()))
        assert [await put(http, path, b"{}", text) for text in ("", "guess", bearer)] == [401, 401, 401]
        own = await ticket(await client.login(org.signer()))
        client.clock.ahead += 601
        assert await put(http, path, b"{}", own) == 401
        assert client.relay.metrics.refused(Refusal.UPLOAD_TICKET) == 4


@pytest.mark.parametrize(
    "path",
    [
        "metadata/../targets/x",
        "metadata/.hidden.json",
        "metadata/root.txt",
        "metadata/a/b.json",
        "targets/",
        "targets/a//b",
        "targets/../../etc/passwd",
        "targets/a/../b",
        "targets/%2e%2e/b",
        "targets/a%2fb",
        "targets/a;b",
        "targets/a\\b",
        "targets/" + "/".join("abcdefghi"),
        "targets/" + "x" * 151,
        "other/file",
    ],
)
async def test_other_paths_do_not_exist(tmp_path: Path, path: str) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        bearer = await ticket(await client.login(org.signer()))
        for method in ("GET", "PUT"):
            assert await raw(client.port, method, f"/tuf/{org.id}/{path}", bearer) == 404


async def raw(port: int, method: str, path: str, bearer: str) -> int:
    """A request whose path nothing tidies on the way."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields = ("Host: x", f"Authorization: Bearer {bearer}", "Content-Length: 2", "Connection: close")
    head = "\r\n".join((f"{method} {path} HTTP/1.1", *fields, "", "{}"))
    writer.write(head.encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status


async def test_sizes_are_bounded(tmp_path: Path) -> None:
    org = Organisation()
    bounds = Bounds(repository_files=2, repository_bytes=LIMITS.repository_file_bytes + 10)
    async with serving(tmp_path, bounds=bounds) as client, client.http() as http:
        await client.register(org)
        bearer = await ticket(await client.login(org.signer()))
        base = f"/tuf/{org.id}/targets"
        assert await put(http, f"{base}/a", b"x" * (LIMITS.repository_file_bytes + 1), bearer) == 413
        assert await put(http, f"{base}/a", b"x" * LIMITS.repository_file_bytes, bearer) == 204
        assert await put(http, f"{base}/b", b"x" * 11, bearer) == 507
        assert await put(http, f"{base}/b", b"x" * 10, bearer) == 204
        assert await put(http, f"{base}/c", b"", bearer) == 507
        assert await put(http, f"{base}/a", b"y", bearer) == 204, "replacing frees what was there"
        assert client.relay.metrics.refused(Refusal.REPOSITORY_FULL) == 2
        assert client.relay.metrics.refused(Refusal.BODY) == 1


class Publishing:
    """An organisation's repository as its signer makes it, put onto a relay file by file."""

    def __init__(self, directory: Path, client: RunningRelay, http: ClientSession, org: Organisation) -> None:
        self.directory, self.client, self.http, self.org = directory, client, http, org
        self.founded = Founded(directory / "founded")
        self.there: set[str] = set()

    async def publish(self, hour: int) -> None:
        """A fix of this hour takes the place of the one before."""
        place = self.directory / f"script-{hour}"
        place.mkdir()
        (place / "fix.sh").write_text(f"echo {hour}\n")
        (place / "fix.toml").write_text(
            f'id = "fix"\nversion = "{hour}"\ntitle = "A fix"\nmin_tier = 1\nrun_as = "user"\nos = ["linux"]\n'
            'files = ["fix.sh"]\n[run]\nargv = ["/bin/sh", "{file:fix.sh}"]\n'
        )
        wall = self.founded.after(hours=hour)
        self.founded.approve(read_script(place), wall=wall)
        self.founded.publish(wall)
        bearer = await ticket(await self.client.login(self.org.signer()))
        for path, body in self.founded.repository.files():
            if path not in self.there or path == TIMESTAMP:
                assert await put(self.http, f"/tuf/{self.org.id}/{path}", body, bearer) == 204
                self.there.add(path)

    async def missing(self) -> list[str]:
        """What the current state names and the relay does not serve as it is."""
        found = []
        for path, body in self.founded.repository.files():
            async with self.http.get(f"/tuf/{self.org.id}/{path}") as answer:
                if answer.status != 200 or await answer.read() != body:
                    found.append(path)
        return found

    async def stored(self) -> int:
        async with self.client.relay.database.reading() as session:
            return int(await session.scalar(select(func.count()).select_from(RepositoryFile)) or 0)

    @property
    def pruned(self) -> float:
        return self.client.relay.metrics.registry.get_sample_value("handrail_relay_repository_pruned_total") or 0.0


@pytest.fixture
async def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Publishing]:
    """Five hours of publishing, of which two versions are kept."""
    monkeypatch.setattr("relay.repository.KEPT_VERSIONS", 2)
    org = Organisation()
    async with serving(tmp_path) as client, client.http() as http:
        await client.register(org)
        made = Publishing(tmp_path, client, http, org)
        for hour in range(1, 6):
            await made.publish(hour)
        yield made


async def test_what_is_superseded_goes_with_the_first_timestamp_a_day_later(mirror: Publishing) -> None:
    assert (await mirror.missing(), mirror.pruned) == ([], 0), "somebody may still be reading what was a minute ago"
    before = await mirror.stored()
    mirror.client.clock.ahead += 25 * 3600
    await mirror.publish(26)
    assert await mirror.missing() == []
    assert mirror.pruned > 8
    assert await mirror.stored() == before - mirror.pruned + 4  # manifest, script, list of fixes, snapshot
    assert mirror.client.relay.metrics.lost(Loss.INTERNAL_ERROR) == 0
    await mirror.publish(27)
    assert await mirror.missing() == []


async def test_a_database_that_fails_while_it_makes_room_loses_nothing(
    mirror: Publishing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The timestamp stands and is told; room is made by the next one."""
    mirror.client.clock.ahead += 25 * 3600

    async def fail(*_: object) -> int:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(mirror.client.relay.repository, "prune", fail)
        device = await mirror.client.login(mirror.org.device())
        await mirror.publish(26)
        assert await device.receive(RepositoryChanged) == RepositoryChanged()
    assert "superseded files were not removed: the disk is full" in caplog.text
    assert (await mirror.missing(), mirror.pruned) == ([], 0)
    await mirror.publish(27)
    assert mirror.pruned > 8
    assert await mirror.missing() == []


async def test_what_is_written_again_meanwhile_stays(mirror: Publishing) -> None:
    """A second signer uploads, for a state that is not published yet, what the first has superseded."""
    mirror.client.clock.ahead += 25 * 3600
    bearer = await ticket(await mirror.client.login(mirror.org.signer()))
    again = next(path for path in mirror.there if "/fix/1/" in path and path.endswith("fix.sh"))
    assert await put(mirror.http, f"/tuf/{mirror.org.id}/{again}", b"echo 1\n", bearer) == 204
    await mirror.publish(26)
    assert mirror.pruned > 0
    async with mirror.http.get(f"/tuf/{mirror.org.id}/{again}") as answer:
        assert answer.status == 200
