"""Rows 12, 13 and 38 at the wire: the relay's owner edits answers to plain HTTP requests, above all those with signed files.

A real relay over TLS, the attacker in front of it with the relay's own key; agent, technician, approver and signer are their own
parts with their own HTTP. Whatever they are told: nothing is believed that was not signed, nothing older than what was seen,
nobody goes anywhere else, no answer costs more than it may, and an honest answer afterwards is taken as if nothing had been.
"""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest

from agent.trust import TrustStore
from hostio.relay_http import RelayHttp
from hostio.signed_repository import RelayMirror
from protocol.certificates import PrivateKey
from protocol.documents import POLICY_PATH, REVOCATION_PATH, TECHNICIANS_PATH, TechniciansList, decode_document
from protocol.errors import HandrailError
from technician_client.organisation.approvals import starter_fixes
from technician_client.organisation.lists import dismiss_technician
from technician_client.organisation.mirroring import refresh_published
from technician_client.organisation.publishing import Publisher
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from technician_client.settings import Settings
from technician_client.signed_files import SignedFiles
from tests.kit import hostile_http
from tests.kit.founded import Founded
from tests.kit.hostile_http import Exchange, Part
from tests.kit.hostile_relay import HostileRelay, HttpPlan, Plan
from tests.kit.processes import free_port
from tests.kit.relay_tap import spki_pin
from tests.kit.relays import RunningRelay, serving
from tests.kit.waiting import PATIENCE

T = TypeVar("T")

DOCUMENTS = (POLICY_PATH, TECHNICIANS_PATH, REVOCATION_PATH)
ANSWER_SECONDS = 1.0
HELD_UP_SECONDS = 40.0  # a busy machine may be slow; an answer that drips would take two minutes
MOST_TAKEN = 12 << 20  # what an answer may have (1.25 MiB), and what lies in the buffers of the kernel on both sides


class Scene:
    """An organisation whose files are on a relay, and the relay's owner in front of it."""

    def __init__(self, tmp_path: Path, relay: RunningRelay, hostile: HostileRelay, pin: str) -> None:
        self.directory = tmp_path
        self.relay = relay
        self.hostile = hostile
        self.pin = pin
        self.url = f"https://127.0.0.1:{hostile.port}"
        self.founded = Founded(tmp_path / "founded", relay=self.url, relay_spki=pin)
        self.mallory = PrivateKey.generate()
        self.publisher: Publisher = self.founded.publisher()
        self._there: dict[str, bytes] = {}
        self._readers: list[RelayHttp] = []
        self._answer_seconds = PATIENCE

    @property
    def organisation(self) -> str:
        return self.founded.record.organisation

    def signer_http(self) -> RelayHttp:
        return self.reader()

    def ticket(self) -> str:
        repository = self.relay.relay.repository
        return repository._tickets.issue(self.organisation, self.relay.clock.now())

    def upload(self) -> None:
        """What the signer does once something is new."""
        self.publisher.upload(self.signer_http(), self.ticket())

    async def publish(self, wall: datetime) -> dict[str, bytes]:
        """Sign, and put what is new onto the relay; returns the files as they stand there then."""
        self.publisher.prepare(wall)
        files = dict(self.founded.repository.files())
        for path, body in files.items():
            if self._there.get(path) != body:
                await self.relay.relay.repository.write(self.organisation, path, body)
        self._there |= files
        return files

    def serve(self, change: hostile_http.Change) -> None:
        """From now on this is what peers are answered."""
        self.hostile.plan = HttpPlan(change)

    def serve_files(self, change: Callable[[str, Exchange], Iterable[Part] | None]) -> None:
        """The same for signed files alone, with their names."""
        self.serve(lambda exchange: change(exchange.file, exchange) if exchange.file and exchange.method == "GET" else None)

    def be_honest(self) -> None:
        self.hostile.plan = Plan()
        self._wait_for_answers(PATIENCE)

    def reader(self) -> RelayHttp:
        """A peer's own HTTP."""
        http = RelayHttp(self.url, self.pin, timeout=PATIENCE, answer_seconds=self._answer_seconds)
        self._readers.append(http)
        return http

    def hurry(self) -> None:
        """Peers do not wait long for the end of an answer, until the relay is honest again."""
        self._wait_for_answers(ANSWER_SECONDS)

    def _wait_for_answers(self, seconds: float) -> None:
        self._answer_seconds = seconds
        for http in self._readers:
            http._answer_seconds = seconds

    @property
    def taken(self) -> int:
        """Bytes of the largest answer that a peer has taken."""
        return max((exchange.taken for exchange in self.hostile.exchanges), default=0)


class Victim:
    """Whoever reads the signed files. `look` is what it does by itself now and then; `believed` what it goes by."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.scene = scene
        self.directory = scene.directory / name
        self.errors: list[str] = []

    async def look(self, wall: datetime) -> None:
        """Fetch what is new; only documented errors come out of it."""
        try:
            await asyncio.to_thread(self._look, wall)
        except HandrailError as error:
            self.errors.append(f"{type(error).__name__}: {error}")

    def _look(self, wall: datetime) -> None:
        raise NotImplementedError

    def believed(self) -> dict[str, bytes]:
        raise NotImplementedError

    @property
    def knows_mallory(self) -> bool:
        data = self.believed().get(TECHNICIANS_PATH)
        fingerprint = self.scene.mallory.public.fingerprint
        return data is not None and decode_document(data, TechniciansList).find(fingerprint) is not None


class Agent(Victim):
    """`agent.trust` with the agent's own HTTP."""

    def __init__(self, scene: Scene, name: str) -> None:
        super().__init__(scene, name)
        http = scene.reader()
        self.trust = TrustStore(self.directory, scene.founded.record.tuf_root, RelayMirror(http, scene.organisation))

    def _look(self, wall: datetime) -> None:
        self.trust.refresh_blocking(wall)

    def believed(self) -> dict[str, bytes]:
        stored = self.trust._stored
        return {} if stored is None else dict(stored.documents)


class Technician(Victim):
    """`technician_client.signed_files` over HTTP."""

    def __init__(self, scene: Scene, name: str) -> None:
        super().__init__(scene, name)
        http = scene.reader()
        self.files = SignedFiles(self.directory, scene.founded.record.tuf_root, RelayMirror(http, scene.organisation))
        self._read: dict[str, bytes] = {}

    def _look(self, wall: datetime) -> None:
        self.files.refresh(wall)
        for path in (*DOCUMENTS, *self.files.listed("scripts")):
            self._read[path] = self.files.target(path)

    def believed(self) -> dict[str, bytes]:
        return self._read


class Approver(Victim):
    """The computer of somebody who holds a key and runs no signer: what `handrail org` shows, and what it signs after, is its own
    copy of what is published."""

    def __init__(self, scene: Scene, name: str) -> None:
        super().__init__(scene, name)
        self.home = OrganisationHome(scene.directory / f"approver-{name}")
        self.home.save(scene.founded.record)
        self._http = RelayHttp(scene.url, scene.pin, timeout=5, answer_seconds=ANSWER_SECONDS)

    def _look(self, wall: datetime) -> None:
        refresh_published(self.home, Settings(self.home.base), wall, self._http)

    def believed(self) -> dict[str, bytes]:
        repository = Repository(self.home.repository)
        published = Spool(repository.nowhere, repository)
        if repository.role("targets") is None:
            return {}
        return {path: published.newest_target(path.split("/")[0], path) for path in DOCUMENTS}


VICTIMS: tuple[Callable[[Scene, str], Victim], ...] = (Agent, Technician, Approver)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with serving(tmp_path, tls=True) as relay:
        certificate = tmp_path / "tls.pem"
        hostile = HostileRelay(free_port(), relay.port, certificate, tmp_path / "tls-key.pem").start()
        try:
            made = Scene(tmp_path, relay, hostile, spki_pin(certificate.read_bytes()))
            made.founded.approve(*starter_fixes())
            made.founded.admit("Mallory", 3, made.mallory)
            yield made
            assert hostile.faults == []
        finally:
            await asyncio.to_thread(hostile.stop)


async def dismissed(scene: Scene) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What stood there while Mallory was a technician, and what does since."""
    old = await scene.publish(scene.founded.after(minutes=1))
    dismiss_technician(scene.founded.spool, "Mallory", scene.founded.signers("policy"), scene.founded.after(minutes=2))
    return old, await scene.publish(scene.founded.after(minutes=2))


async def goes_on(scene: Scene, *victims: Victim) -> None:
    """The relay is honest again: what is new is taken."""
    scene.be_honest()
    new = await scene.publish(scene.founded.after(hours=13))
    listed = [body for path, body in new.items() if path.endswith(".technicians.json")]
    for victim in victims:
        victim.errors.clear()
        await victim.look(scene.founded.after(hours=14))
        assert victim.errors == []
        assert victim.believed()[TECHNICIANS_PATH] in listed


async def nobody_knows_mallory(scene: Scene, minutes: float) -> None:
    """Those who are new look at what the relay serves now, and then at the truth."""
    victims = [kind(scene, "victim") for kind in VICTIMS]
    for victim in victims:
        await victim.look(scene.founded.after(minutes=minutes))
        assert not victim.knows_mallory
    await goes_on(scene, *victims)


# -- older, swapped and mixed files -------------------------------------------------------------------------------------------


@pytest.mark.attack(13, without=["repository_memory"])
async def test_files_of_yesterday_are_not_taken_for_todays(scene: Scene) -> None:
    """The relay serves an older state, whole and signed, in which somebody is still a technician."""
    old, _ = await dismissed(scene)
    victims = [kind(scene, "victim") for kind in VICTIMS]
    for victim in victims:
        await victim.look(scene.founded.after(minutes=3))
        assert victim.believed() and not victim.knows_mallory
    served: list[str] = []

    def roll_back(file: str, exchange: Exchange) -> Iterable[Part]:
        served.append(file)
        return [hostile_http.answer(old[file])] if file in old else hostile_http.not_there()

    scene.serve_files(roll_back)
    for victim in victims:
        await victim.look(scene.founded.after(minutes=4))
        assert not victim.knows_mallory
    assert served.count("metadata/timestamp.json") >= len(victims)
    await goes_on(scene, *victims)


@pytest.mark.attack(12, without=["repository_hashes"])
async def test_a_file_that_was_swapped_for_an_older_one_is_not_taken(scene: Scene) -> None:
    """Everything is of today but one file: in the place of the technicians' list lies yesterday's."""
    old, new = await dismissed(scene)
    before = next(body for path, body in old.items() if path.endswith(".technicians.json"))
    assert before not in new.values()
    scene.serve_files(lambda file, _: [hostile_http.answer(before)] if file.endswith(".technicians.json") else None)
    await nobody_knows_mallory(scene, minutes=3)


@pytest.mark.attack(13)
@pytest.mark.parametrize("role", ["snapshot", "targets", "policy"])
async def test_lists_of_two_days_do_not_go_together(scene: Scene, role: str) -> None:
    """Old lists under the names of new ones, and new ones below an old one: a client that knows nothing yet takes none."""
    old, new = await dismissed(scene)
    former = next(body for path, body in old.items() if path.endswith(f".{role}.json"))

    def mix(file: str, _: Exchange) -> Iterable[Part] | None:
        if file.endswith(f".{role}.json"):
            return [hostile_http.answer(former)]
        return [hostile_http.answer(old[file])] if file in old and file not in new else None

    scene.serve_files(mix)
    await nobody_knows_mallory(scene, minutes=4)


@pytest.mark.attack(13, without=["repository_expiry"])
async def test_a_frozen_timestamp_is_news_to_nobody_a_day_later(scene: Scene) -> None:
    """The relay goes on serving what stood there before Mallory left; somebody new asks a day later."""
    old, _ = await dismissed(scene)
    scene.serve_files(lambda file, _: [hostile_http.answer(old[file])] if file in old else hostile_http.not_there())
    victims = [kind(scene, "victim") for kind in VICTIMS]
    for victim in victims:
        await victim.look(scene.founded.after(hours=25))
        assert victim.believed() == {}
    scene.be_honest()
    await scene.publish(scene.founded.after(hours=25))
    for victim in victims:
        await victim.look(scene.founded.after(hours=25, minutes=1))
        assert victim.believed() and not victim.knows_mallory


# -- answers that are no files at all -------------------------------------------------------------------------------------------


async def in_time(work: Awaitable[T]) -> T:
    """What is not held up by an answer that does not end."""
    try:
        return await asyncio.wait_for(work, HELD_UP_SECONDS)
    except TimeoutError:
        raise AssertionError("somebody waited for ever") from None


async def survives(scene: Scene, *ways: Callable[[bytes], Iterable[Part]]) -> None:
    """Those who know something, and those who know nothing yet, are answered like this; then honestly."""
    await dismissed(scene)
    known, fresh = [kind(scene, "known") for kind in VICTIMS], [kind(scene, "fresh") for kind in VICTIMS]
    for victim in known:
        await victim.look(scene.founded.after(minutes=3))
    before = [dict(victim.believed()) for victim in known]
    await scene.publish(scene.founded.after(hours=12, minutes=5))
    for way in ways:
        scene.serve_files(lambda _, exchange, way=way: way(exchange.content))
        scene.hostile.exchanges.clear()
        scene.hurry()
        for victim in (*known, *fresh):
            victim.errors.clear()
        looks = [victim.look(scene.founded.after(hours=12, minutes=6)) for victim in (*known, *fresh)]
        await in_time(asyncio.gather(*looks))
        assert all(victim.errors for victim in (*known, *fresh)), "somebody was content with that"
        assert scene.taken < MOST_TAKEN, "somebody took more than one may"
        assert [victim.believed() for victim in known] == before
        assert [victim.believed() for victim in fresh] == [{}] * len(fresh)
    await goes_on(scene, *known, *fresh)


@pytest.mark.attack(38)
async def test_half_an_answer_is_none(scene: Scene) -> None:
    await survives(scene, hostile_http.cut_short, hostile_http.halved, hostile_http.wrong_chunk)


@pytest.mark.attack(38)
async def test_an_answer_that_is_too_large_is_left(scene: Scene) -> None:
    await survives(scene, hostile_http.ten_times, hostile_http.many_fields)


@pytest.mark.attack(38, without=["answer_bounds"])
@pytest.mark.parametrize("how", ["endless", "chunk_below_zero", "continued", "dripping"])
async def test_an_answer_without_end_is_left(scene: Scene, how: str) -> None:
    await survives(scene, getattr(hostile_http, how))


@pytest.mark.attack(38, without=["nothing_unpacked"])
async def test_what_is_packed_is_not_unpacked(scene: Scene) -> None:
    """64 MiB of zeros in 64 kB."""
    packed = hostile_http.bomb()
    tracemalloc.start()
    try:
        await survives(scene, lambda _: packed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 48 << 20


class Elsewhere:
    """Somebody else's server: counts who comes."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(hostile_http.answer(b"{}"))
        writer.close()


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    there = Elsewhere()
    server = await asyncio.start_server(there.answer, "127.0.0.1", 0)
    async with server:
        there.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/inside"
        yield there


@pytest.mark.attack(12, without=["no_redirects"])
async def test_nobody_is_sent_elsewhere(scene: Scene, elsewhere: Elsewhere) -> None:
    """A relay that redirects would make agents and technicians ask whatever they can reach, inside their networks."""
    await survives(scene, lambda _: hostile_http.moved(elsewhere.url))
    assert elsewhere.heard == []


# -- the signer -----------------------------------------------------------------------------------------------------------------


async def signed_anew(scene: Scene, hours: float, attempt: Callable[[], object]) -> list[str]:
    """There is something to upload, and the relay answers as it likes; what the signer says of it."""
    scene.publisher.prepare(scene.founded.after(hours=hours))
    errors: list[str] = []

    def work() -> None:
        try:
            attempt()
        except HandrailError as error:
            errors.append(type(error).__name__)

    await asyncio.to_thread(work)
    return errors


async def caught_up(scene: Scene) -> bool:
    """Whether the relay, honest again, holds what the signer has."""
    scene.be_honest()
    if await asyncio.to_thread(scene.publisher.behind, scene.signer_http()):
        await asyncio.to_thread(scene.upload)
    for path, body in scene.founded.repository.files():
        stored = await scene.relay.relay.repository.read(scene.organisation, path)
        if stored is None or stored.body != body:
            return False
    return True


@pytest.mark.attack(13)
async def test_a_signer_learns_nothing_from_the_relay(scene: Scene) -> None:
    """Old files, forged files, no files: what it publishes next continues what it published itself."""
    old, _ = await dismissed(scene)
    mine = dict(scene.founded.repository.files())
    for change in (
        lambda file, _: [hostile_http.answer(old.get(file, b"{}"))],
        lambda file, _: [hostile_http.answer(b'{"signed":{"_type":"timestamp","version":999999999}}')],
        lambda file, _: hostile_http.not_there(),
    ):
        scene.serve_files(change)
        assert await asyncio.to_thread(scene.publisher.behind, scene.signer_http())
        assert dict(scene.founded.repository.files()) == mine
    assert await caught_up(scene)


@pytest.mark.attack(13)
async def test_a_relay_that_only_says_that_it_stored_is_found_out(scene: Scene) -> None:
    await dismissed(scene)

    def pretend(exchange: Exchange) -> Iterable[Part] | None:
        return [hostile_http.answer(b"", status="204 No Content")] if exchange.method == "PUT" else None

    class Forgetful(HttpPlan):
        def asked(self, method: str, path: str, body: bytes) -> bytes:
            return b"not what was signed" if method == "PUT" else body

    scene.hostile.plan = Forgetful(pretend)
    assert await signed_anew(scene, 13, scene.upload) == []
    assert await asyncio.to_thread(scene.publisher.behind, scene.signer_http())
    assert await caught_up(scene)


@pytest.mark.attack(38, without=["answer_bounds"])
@pytest.mark.parametrize("how", ["endless", "dripping", "chunk_below_zero"])
async def test_a_signer_is_not_held_up(scene: Scene, how: str) -> None:
    await dismissed(scene)
    scene.serve(lambda exchange: getattr(hostile_http, how)(exchange.content or bytes(400)))
    scene.hostile.exchanges.clear()
    http = scene.signer_http()
    scene.hurry()
    assert await in_time(signed_anew(scene, 13, lambda: scene.publisher.behind(http))) == ["RelayUnreachable"]
    assert await in_time(signed_anew(scene, 13, scene.upload)) == ["RelayUnreachable"]
    assert scene.taken < MOST_TAKEN
    assert await caught_up(scene)


@pytest.mark.attack(12, without=["no_redirects"])
async def test_an_upload_ticket_goes_nowhere_else(scene: Scene, elsewhere: Elsewhere) -> None:
    await dismissed(scene)
    scene.serve(lambda exchange: hostile_http.moved(elsewhere.url) if exchange.method == "PUT" else None)
    assert await signed_anew(scene, 13, scene.upload) == ["Unavailable"]
    assert elsewhere.heard == []
    assert await caught_up(scene)
