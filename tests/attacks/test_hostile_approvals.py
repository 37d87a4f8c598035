"""Rows 12, 13 and 38 at the mail of approvers: `handrail org approve` and its like over HTTP whose owner lies.

A real relay over TLS, the attacker in front of it with the relay's own key, the organisation's real signer behind it; an approver
asks what waits and sends what was signed. Whatever is answered: nothing is believed that the signer did not sign for this very
request, nobody goes anywhere else, no answer costs more than it may, and an honest relay afterwards carries the decision through.
"""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from hostio.relay_http import RelayHttp
from protocol.errors import HandrailError
from relay.organisations import create_token
from technician_client.organisation.approvals import approve
from technician_client.organisation.mailing import Mailing, Waits, through_relay
from technician_client.organisation.mirroring import refresh_published
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.registering import register
from technician_client.organisation.repository import Repository
from technician_client.organisation.signer import Signer, open_signer
from technician_client.organisation.spool import Spool
from technician_client.settings import Settings
from tests.attacks.test_files import script
from tests.attacks.test_hostile_mirror import Elsewhere
from tests.kit import hostile_http
from tests.kit.founded import PASSPHRASE, Founded
from tests.kit.hostile_http import Exchange, Part
from tests.kit.hostile_relay import HostileRelay, HttpPlan, Plan
from tests.kit.processes import free_port
from tests.kit.relays import serving
from tests.kit.waiting import PATIENCE, eventually_async

ANSWER_SECONDS = 1.0
HELD_UP_SECONDS = 40.0  # a busy machine may be slow; an answer that drips would take two minutes
MOST_TAKEN = 12 << 20
ENROLMENTS = "/api/v1/enrolments"


def now() -> datetime:
    return datetime.now(UTC)


class Office:
    """An organisation where two must sign, its signer at work, and one approver behind a relay that may lie."""

    def __init__(self, directory: Path, founded: Founded, hostile: HostileRelay) -> None:
        self.founded, self.hostile = founded, hostile
        self.said: list[str] = []
        self.home = OrganisationHome(directory / "approver")
        url = f"https://127.0.0.1:{hostile.port}"
        record = msgspec.structs.replace(founded.record, relay=url)
        self.home.save(record)
        self.http = RelayHttp(url, record.relay_spki, timeout=PATIENCE, answer_seconds=PATIENCE)
        self.repository = Repository(self.home.repository)
        self.spool = Spool(self.home.spool, self.repository)
        self.key = founded.vault.get("scripts-1")
        carry = through_relay(self.http, record, now, self.said.append, wait_seconds=PATIENCE)
        self.mailing = Mailing(record, self.repository, carry, now)
        self._source = directory / "fix"

    def fetch(self) -> None:
        """Learn what is published."""
        refresh_published(self.home, Settings(self.home.base), now(), self.http)

    def sign(self) -> None:
        """Sign a fix here; it is not sent yet."""
        approve(self.spool, [script(self._source)], self.founded.signers("scripts", "scripts-1"), now())

    def share(self) -> int:
        return self.mailing.share(self.spool, "scripts", self.key)

    def look(self) -> Waits:
        return self.mailing.look("scripts", self.key)

    def serve(self, change: hostile_http.Change) -> None:
        """From now on requests about approvals are answered like this."""
        self.hostile.plan = HttpPlan(lambda exchange: change(exchange) if exchange.path.startswith(ENROLMENTS) else None)

    def be_honest(self) -> None:
        self.hostile.plan = Plan()

    async def fails(self, work: Callable[[], object]) -> str:
        """With a documented error, whose words it returns."""
        self.hostile.exchanges.clear()
        self.http._answer_seconds = ANSWER_SECONDS
        try:
            await asyncio.wait_for(asyncio.to_thread(work), HELD_UP_SECONDS)
        except TimeoutError:
            pytest.fail("somebody waited for ever")
        except HandrailError as error:
            assert max((one.taken for one in self.hostile.exchanges), default=0) < MOST_TAKEN
            return str(error)
        finally:
            self.http._answer_seconds = PATIENCE
        pytest.fail("it was content with that")

    @property
    def waits_at_the_signer(self) -> bool:
        return self.founded.spool.candidate("scripts") is not None


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with serving(tmp_path, tls=True) as relay:
        founded = Founded(tmp_path / "founded", two_people=True, relay="")
        token = await create_token(relay.relay.database, secrets.token_bytes, time.time())
        await asyncio.to_thread(register, founded.home, founded.record, url=relay.url, token=token)
        hostile = HostileRelay(free_port(), relay.port, tmp_path / "tls.pem", tmp_path / "tls-key.pem").start()
        made = Office(tmp_path, founded, hostile)
        settings = Settings(tmp_path, retry_first_seconds=0.05, retry_most_seconds=0.2)
        signer = Signer(founded.home, open_signer(founded.home, PASSPHRASE), settings, tell=made.said.append)
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(signer.run())
                await eventually_async(lambda: any("up to date" in line for line in made.said), "the signer has uploaded")
                await asyncio.to_thread(made.fetch)
                made.sign()
                yield made
                assert hostile.faults == []
                running.cancel()
        finally:
            await asyncio.to_thread(hostile.stop)


async def goes_through(office: Office) -> None:
    """The relay is honest again: the decision arrives, whole and once."""
    office.be_honest()
    assert await asyncio.to_thread(office.share) == 1
    assert office.waits_at_the_signer
    judged = (await asyncio.to_thread(office.look)).judged
    assert judged is not None and len(judged.signed) == 1


WAYS: dict[str, Callable[[bytes], Iterable[Part]]] = {
    "cut short": hostile_http.cut_short,
    "halved": hostile_http.halved,
    "wrong chunk": hostile_http.wrong_chunk,
    "ten times": hostile_http.ten_times,
    "many fields": hostile_http.many_fields,
    "no JSON": lambda _: [hostile_http.answer(b"\xff\x00 no json")],
    "deep JSON": lambda _: [hostile_http.answer(b"[" * 100_000)],
    "an error": lambda _: [hostile_http.answer(b"{}", status="500 Internal Server Error")],
}


@pytest.mark.attack(38)
async def test_answers_that_are_none_cost_little_and_lose_no_decision(office: Office) -> None:
    for name, way in WAYS.items():
        office.serve(lambda exchange, way=way: way(exchange.content or bytes(400)))
        assert await office.fails(office.share), name
        assert await office.fails(office.look), name
    await goes_through(office)


@pytest.mark.attack(38, without=["answer_bounds"])
@pytest.mark.parametrize("how", ["endless", "chunk_below_zero", "dripping"])
async def test_answers_without_end_hold_no_approver_up(office: Office, how: str) -> None:
    office.serve(lambda exchange: getattr(hostile_http, how)(exchange.content.ljust(400)))
    assert await office.fails(office.share)
    await goes_through(office)


@pytest.mark.attack(12, without=["no_redirects"])
async def test_a_decision_is_not_sent_elsewhere(office: Office) -> None:
    there = Elsewhere()
    server = await asyncio.start_server(there.answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/inside"
        # 303 is what web clients follow after a POST as well.
        office.serve(lambda _: hostile_http.moved(url, "303 See Other"))
        await office.fails(office.share)
        assert there.heard == []
    await goes_through(office)


def answered_with(answer: bytes) -> Callable[[Exchange], Iterable[Part] | None]:
    """The relay says that this is what the signer answered."""
    body = json.dumps({"status": "answered", "answer": base64.b64encode(answer).decode()}).encode()
    return lambda exchange: [hostile_http.answer(body)] if exchange.method == "GET" else None


@pytest.mark.attack(13, without=["approval_answers"])
async def test_the_signers_answer_to_an_earlier_look_is_not_one_to_this(office: Office) -> None:
    """Nothing waited then. An approver who believes that now would sign nothing, or another decision over this one."""
    assert (await asyncio.to_thread(office.look)).judged is None
    kept = [one for one in office.hostile.exchanges if one.method == "GET" and b"answered" in one.content]
    earlier = base64.b64decode(json.loads(kept[-1].content)["answer"])
    assert await asyncio.to_thread(office.share) == 1
    office.serve(answered_with(earlier))
    await office.fails(office.look)
    office.be_honest()
    assert (await asyncio.to_thread(office.look)).judged is not None


@pytest.mark.attack(12, without=["approval_answers"])
async def test_a_relay_that_says_the_decision_was_taken_is_not_believed(office: Office) -> None:
    """It answers in the signer's place that no signature is missing any more, and keeps the decision for itself."""
    fields = ["approved.1", bytes(32), "done", "it is published now", msgspec.msgpack.encode(0), time.time()]
    leaf = office.founded.home.certificate("login").read_bytes()
    office.serve(answered_with(msgspec.msgpack.encode([*fields, leaf, bytes(70)])))
    await office.fails(office.share)
    await goes_through(office)


@pytest.mark.attack(13)
async def test_older_metadata_is_not_what_an_approver_decides_over(office: Office) -> None:
    """The relay shows the state before the last decision was published, so that the next one would be made over it."""
    old: dict[str, bytes] = dict(office.founded.repository.files())
    office.founded.admit("Mallory", 3, office.key, wall=now())
    office.founded.spool.countersign("policy", office.founded.signers("policy", "policy-2"))
    await eventually_async(lambda: sum("up to date" in line for line in office.said) >= 2, "the signer has uploaded anew")
    await asyncio.to_thread(office.fetch)
    version = office.repository.version("policy")
    paths = {path: [hostile_http.answer(body)] for path, body in old.items()}
    office.hostile.plan = HttpPlan(
        lambda exchange: paths.get(exchange.file, None if not exchange.file else hostile_http.not_there())
    )
    await office.fails(office.fetch)
    assert office.repository.version("policy") == version
    await goes_through(office)
