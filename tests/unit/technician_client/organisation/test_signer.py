"""The running signer against a real relay in this process: it answers, publishes, survives, and says what it cannot do."""

import asyncio
import contextlib
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.enrolment import DeviceIdentity, enrol
from agent.trust import TrustStore
from hostio.relay_http import RelayHttp
from hostio.signed_repository import RelayMirror
from protocol.certificates import PrivateKey
from protocol.errors import TrustError, Unavailable
from protocol.link_messages import MailSend, Role
from relay.organisations import create_token
from technician_client.errors import NotSetUp
from technician_client.organisation.publishing import Prepared
from technician_client.organisation.registering import register
from technician_client.organisation.signer import Signer, open_signer
from technician_client.settings import Settings
from tests.kit.founded import PASSPHRASE, Founded
from tests.kit.organisation import Credentials
from tests.kit.relays import RunningRelay, serving
from tests.kit.waiting import eventually_async


def wall() -> datetime:
    return datetime.now(UTC)


def place(tmp_path: Path) -> Path:
    """The relay's directory."""
    directory = tmp_path / "relay"
    directory.mkdir(exist_ok=True)
    return directory


class Running:
    """A signer at work and what it has said."""

    def __init__(self, founded: Founded, signer: Signer) -> None:
        self.founded = founded
        self.signer = signer
        self.said: list[str] = []

    async def says(self, words: str, *, times: int = 1) -> None:
        await eventually_async(lambda: sum(words in line for line in self.said) >= times, f"{words!r} in {self.said}")


@asynccontextmanager
async def signing(founded: Founded, tmp_path: Path) -> AsyncIterator[Running]:
    settings = Settings(tmp_path, retry_first_seconds=0.05, retry_most_seconds=0.2)
    running = Running(founded, None)  # type: ignore[arg-type]
    running.signer = Signer(
        founded.home, open_signer(founded.home, PASSPHRASE), settings, tell=lambda text: running.said.append(text)
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(running.signer.run())
        try:
            yield running
        finally:
            task.cancel()


async def founded_at(relay: RunningRelay, tmp_path: Path) -> Founded:
    founded = Founded(tmp_path, relay="")
    token = await create_token(relay.relay.database, secrets.token_bytes, time.time())
    await asyncio.to_thread(register, founded.home, founded.record, url=relay.url, token=token)
    return founded


def enrol_device(founded: Founded, home: Path, label: str = "till 3") -> DeviceIdentity:
    return enrol(
        founded.device_bundle(),
        home,
        label=label,
        platform="linux",
        wall=wall,
        random_bytes=secrets.token_bytes,
        wait_seconds=10,
    )


def trust_of(founded: Founded, directory: Path) -> TrustStore:
    record = founded.record
    return TrustStore(directory, record.tuf_root, RelayMirror(RelayHttp(record.relay, record.relay_spki), record.organisation))


async def test_it_publishes_answers_and_follows_decisions(tmp_path: Path) -> None:
    async with serving(place(tmp_path)) as relay:
        founded = await founded_at(relay, tmp_path)
        async with signing(founded, tmp_path) as running:
            await running.says("the relay's copy is up to date")
            identity = await asyncio.to_thread(enrol_device, founded, tmp_path / "agent")
            assert identity.label == "till 3"
            await running.says("Answered a request (enrolment)")
            trust = trust_of(founded, tmp_path / "trust")
            assert await trust.refresh(wall())
            founded.admit("Bo Li", 2, PrivateKey.generate(), wall=wall())
            await running.says("up to date", times=2)
            assert await trust.refresh(wall())
            technicians = trust.technicians()
            assert technicians is not None and [entry.name for entry in technicians.technicians] == ["Bo Li"]


async def test_decisions_that_come_while_others_are_published_are_not_overlooked(tmp_path: Path) -> None:
    founded = Founded(tmp_path, relay="http://127.0.0.1:1")
    founded.publish()
    async with signing(founded, tmp_path) as running:
        await running.says("No link")
        publisher = running.signer._publisher
        genuine = publisher.prepare

        def prepare(moment: datetime) -> Prepared:
            """A decision arrives just after the spool was read."""
            publisher.prepare = genuine  # type: ignore[method-assign]
            done = genuine(moment)
            founded.spool.edit("revocation", add={}, signers=founded.signers("revocation"), wall=wall())
            return done

        publisher.prepare = prepare  # type: ignore[method-assign]
        founded.spool.edit("policy", add={}, signers=founded.signers("policy"), wall=wall())
        await running.says("Published policy")
        await running.says("Published revocation")


async def test_what_waited_while_it_was_away_is_answered_when_it_comes(tmp_path: Path) -> None:
    async with serving(place(tmp_path)) as relay:
        founded = await founded_at(relay, tmp_path)
        founded.publish()
        pending = tmp_path / "agent" / "identity" / "pending.json"
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(asyncio.to_thread(enrol_device, founded, tmp_path / "agent"))
            await eventually_async(pending.exists, "the request is on its way")
            async with signing(founded, tmp_path):
                identity = await waiting
        assert identity.label == "till 3"


async def test_it_comes_back_after_the_relay_was_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.drain.RETURN_FIRST", 0.01)
    monkeypatch.setattr("relay.drain.RETURN_LAST", 0.05)
    async with serving(place(tmp_path)) as relay:
        founded = await founded_at(relay, tmp_path)
        settings = {"listen": relay.relay.config.listen, "public_url": relay.url}
    async with signing(founded, tmp_path) as running:
        await running.says("No link")
        async with serving(place(tmp_path), **settings):
            await running.says("Connected")
            await running.says("up to date")
        await running.says("No link", times=2)
        async with serving(place(tmp_path), **settings):
            await running.says("Connected", times=2)


async def test_a_signer_whose_clock_is_off_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on: the relay's word must not stop it."""
    async with serving(place(tmp_path)) as relay:
        founded = await founded_at(relay, tmp_path)
        monkeypatch.setattr("technician_client.organisation.signer._now", lambda: wall() + timedelta(hours=20))
        async with signing(founded, tmp_path) as running:
            await running.says("may be dated wrongly")
            await running.says("the relay's copy is up to date")


def copied(founded: Founded, directory: Path) -> Founded:
    """The same organisation from a copy of its directory."""
    copy = Founded(directory / "unused")
    shutil.rmtree(copy.home.base)
    shutil.copytree(founded.home.base, copy.home.base)
    return copy


async def test_a_signer_from_an_older_copy_goes_on_from_what_the_relay_has(tmp_path: Path) -> None:
    """A backup is put back. What was decided since then stays decided, and agents that saw it take what comes next."""
    async with serving(place(tmp_path)) as relay:
        founded = await founded_at(relay, tmp_path)
        trust = trust_of(founded, tmp_path / "trust")
        async with signing(founded, tmp_path) as running:
            await running.says("up to date")
            backup = copied(founded, tmp_path / "backup")
            founded.admit("Bo Li", 2, PrivateKey.generate(), wall=wall())
            await running.says("up to date", times=2)
            assert await trust.refresh(wall())
        backup.admit("Ana Ruiz", 3, PrivateKey.generate(), wall=wall())  # decided on the copy, without knowing of the other
        async with signing(backup, tmp_path) as running:
            await running.says("restored from an older copy")
            await running.says("Of policy another file stood here")
            await running.says("refused: version")
            backup.spool.edit("revocation", add={}, signers=backup.signers("revocation"), wall=wall())
            await running.says("up to date")
            assert await trust.refresh(wall())
        technicians = trust.technicians()
        assert technicians is not None and [entry.name for entry in technicians.technicians] == ["Bo Li"]


async def test_garbage_in_the_mailbox_is_put_aside(tmp_path: Path) -> None:
    async with serving(place(tmp_path)) as relay:
        founded = await founded_at(relay, tmp_path)
        async with signing(founded, tmp_path) as running:
            await running.says("up to date")
            identity = await asyncio.to_thread(enrol_device, founded, tmp_path / "agent")
            who = Credentials(Role.DEVICE, identity.peer, identity.key, identity.chain, identity.login_key, identity.login_chain)
            peer = await relay.login(who)
            await peer.send(MailSend(1, "signer", "renewal", b"\xff garbage"))
            await running.says("no request")
            await peer.send(MailSend(2, "signer", "something.else", b"x"))
            await running.says("unknown kind")
            second = await asyncio.to_thread(enrol_device, founded, tmp_path / "agent2", "till 4")
            assert second.label == "till 4"
            await peer.close()


async def test_a_decision_that_lacks_a_signature_is_told_once(tmp_path: Path) -> None:
    async with serving(place(tmp_path)) as relay:
        founded = Founded(tmp_path, two_people=True, relay="")
        token = await create_token(relay.relay.database, secrets.token_bytes, time.time())
        await asyncio.to_thread(register, founded.home, founded.record, url=relay.url, token=token)
        async with signing(founded, tmp_path) as running:
            await running.says("up to date")
            founded.spool.edit("policy", add={}, signers=founded.signers("policy", "policy-1"), wall=wall())
            await running.says("policy waits for 1 more signature")
            founded.spool.countersign("policy", founded.signers("policy", "policy-2"))
            await running.says("Published policy", times=2)


async def test_a_signer_the_relay_does_not_know_is_told_why(tmp_path: Path) -> None:
    async with serving(place(tmp_path)) as relay:
        founded = Founded(tmp_path, relay=relay.url)
        async with signing(founded, tmp_path) as running:
            await running.says("The relay refused the signer")


async def test_only_one_signer_runs_in_a_directory(tmp_path: Path) -> None:
    founded = Founded(tmp_path, relay="http://127.0.0.1:1")
    async with signing(founded, tmp_path) as running:
        await running.says("No link")
        with pytest.raises(Unavailable, match="Another signer"):
            Signer(founded.home, open_signer(founded.home, PASSPHRASE), Settings(tmp_path))
    with contextlib.closing(founded.records):
        Signer(founded.home, open_signer(founded.home, PASSPHRASE), Settings(tmp_path))._lock.release()


async def test_a_damaged_repository_ends_it_with_a_clear_error(tmp_path: Path) -> None:
    founded = Founded(tmp_path, relay="http://127.0.0.1:1")
    founded.publish()
    (founded.home.repository / "metadata" / "timestamp.json").unlink()
    (founded.home.repository / "metadata" / "timestamp.json").mkdir()
    with pytest.raises(Exception, match="cannot be read"):
        await Signer(founded.home, open_signer(founded.home, PASSPHRASE), Settings(tmp_path)).run()


def test_what_it_needs_is_opened_or_named(tmp_path: Path) -> None:
    founded = Founded(tmp_path, relay="")
    with pytest.raises(NotSetUp, match="org register"):
        open_signer(founded.home, PASSPHRASE)
    (tmp_path / "two").mkdir()
    other = Founded(tmp_path / "two")
    with pytest.raises(TrustError, match="passphrase"):
        open_signer(other.home, b"wrong passphrase")
    other.home.certificate("login").unlink()
    with pytest.raises(TrustError, match="missing"):
        open_signer(other.home, PASSPHRASE)
