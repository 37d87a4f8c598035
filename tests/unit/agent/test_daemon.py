"""The composition root. How it works with a relay is in tests/integration/test_agent_relay.py."""

import asyncio
import secrets
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agent.daemon import HANDSHAKES, Daemon, platform_name
from agent.errors import AuditUnavailable
from agent.features.chat import ChatFeature
from agent.guest import GuestCode
from agent.local import LocalClient
from agent.local_messages import AskStatus, Attach, HelpEnded, SessionOver, StatusReply, StopSession
from agent.policy import SessionKind
from agent.restarting import RestartGrant
from agent.settings import AgentSettings, LinkSettings, TrustSettings
from protocol.capabilities import Capability
from protocol.errors import HandrailError, NeedsUpdate, TrustError
from protocol.link_messages import Done, RepositoryChanged, TunnelOffer
from tests.kit.assisted import Device, SignedFiles
from tests.kit.organisation import Organisation
from tests.kit.waiting import eventually_async


def daemon(tmp_path: Path, *, relay: str = "http://127.0.0.1:9", boot: str = "") -> Daemon:
    organisation = Organisation()
    device = Device(organisation, organisation.device(), relay=relay)
    settings = AgentSettings(
        home=tmp_path / "agent",
        link=LinkSettings(backoff_first=5.0, backoff_most=5.0, connect_seconds=1.0),
        trust=TrustSettings(refresh_seconds=0.02),
    )
    one = Daemon(settings, device, (ChatFeature,), renew=lambda known: known, boot=boot)
    one.trust = SignedFiles()  # type: ignore[assignment]
    return one


class Running:
    def __init__(self, one: Daemon) -> None:
        self.daemon = one

    async def __aenter__(self) -> Daemon:
        self.task = asyncio.get_running_loop().create_task(self.daemon.run())
        await eventually_async(lambda: self.daemon.ready.is_set() or self.task.done(), "the daemon starts")
        return self.daemon

    async def __aexit__(self, *_: object) -> None:
        self.daemon.stop()
        await asyncio.wait_for(self.task, 60)


async def test_it_serves_its_home_and_leaves_it_tidy(tmp_path: Path) -> None:
    async with Running(daemon(tmp_path)) as one:
        async with LocalClient.connected(tmp_path / "agent" / "agent.sock") as client:
            reply = await client.request(AskStatus)
            assert isinstance(reply, StatusReply)
            assert reply.status.label == "Reception PC"
        await eventually_async(lambda: one.board.relay.state == "away", "the relay is away")
    assert not (tmp_path / "agent" / "agent.sock").exists()


async def test_signed_files_are_kept_fresh_and_trouble_is_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one = daemon(tmp_path)
    files = one.trust
    assert isinstance(files, SignedFiles)
    async with Running(one):
        await eventually_async(lambda: files.refreshed > 2, "regular refreshes")

        async def broken(wall: object) -> bool:
            raise TrustError("The signed files have expired.")

        files.refresh = broken  # type: ignore[method-assign]
        one.link_message(RepositoryChanged())
        await eventually_async(lambda: one.board.trust.problem, "the problem is shown")
        await one.refresh()
        assert caplog.text.count("The signed files have expired.") == 1


async def test_an_offer_that_leads_nowhere_is_told_and_failures_are_bounded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    offer = TunnelOffer(1, "t" * 24, "peer1", "Ana", True, 60.0)
    async with Running(daemon(tmp_path)) as one, LocalClient.connected(tmp_path / "agent" / "agent.sock") as client:
        await client.request(lambda number: Attach(number, "test"))
        one.link_message(offer)
        said = await asyncio.wait_for(client.events.get(), 60)
        while not isinstance(said, SessionOver):
            said = await asyncio.wait_for(client.events.get(), 60)
        assert "could not be reached" in said.text
        for _ in range(HANDSHAKES):
            one._failures.append(asyncio.get_running_loop().time())
        one.link_message(offer)
        assert "it is ignored" in caplog.text
        one.link_message(Done(5))
        one.desk.help_ended(1, "x")
        assert not isinstance(said, HelpEnded)


async def test_renewed_certificates_are_taken_over(tmp_path: Path) -> None:
    one = daemon(tmp_path)
    async with Running(one):
        newer = replace(one._device, label="Till 4")  # type: ignore[type-var]
        one._take_over(newer)
        assert one._services.keys.label == "Till 4"
        assert one.link.keys is newer


async def test_a_new_revocation_list_is_acted_on_in_every_session_at_once(tmp_path: Path) -> None:
    class Session:
        rechecks = 0
        id = "s1"

        def recheck(self) -> None:
            self.rechecks += 1

        def end(self, reason: str) -> None:
            pass

    one = daemon(tmp_path)
    one._settings = msgspec.structs.replace(one._settings, trust=TrustSettings(refresh_seconds=3600.0))
    files, session = one.trust, Session()
    assert isinstance(files, SignedFiles)
    async with Running(one):
        await eventually_async(lambda: files.refreshed == 1, "the first refresh")
        one._sessions.add(session)  # type: ignore[arg-type]
        one.link_message(RepositoryChanged())
        await eventually_async(lambda: files.refreshed == 2, "a refresh on the relay's word")
        assert session.rechecks == 0  # nothing was new

        async def newer(wall: object) -> bool:
            return True

        files.refresh = newer  # type: ignore[method-assign]
        one.link_message(RepositoryChanged())
        await eventually_async(lambda: session.rechecks == 1, "the session is judged again")

        async def later(wall: object) -> bool:
            raise NeedsUpdate("Update Handrail on this computer to version 3.1 or later.", reader="3.1")

        files.refresh = later  # type: ignore[method-assign]
        one.link_message(RepositoryChanged())
        await eventually_async(lambda: session.rechecks == 2, "it is judged again: rules that cannot be read allow less")
        assert "version 3.1" in one.board.trust.problem
        one._sessions.clear()


async def test_an_agent_that_cannot_read_newer_rules_still_gets_the_release_that_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, looks = daemon(tmp_path), 0
    files = one.trust
    assert isinstance(files, SignedFiles)

    async def later(wall: object) -> bool:
        raise NeedsUpdate("Update Handrail on this computer to version 3.1 or later.", reader="3.1")

    def look() -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(files, "refresh", later)
    monkeypatch.setattr(one.releases, "look", look)
    async with Running(one):
        await eventually_async(lambda: looks > 1, "newer releases are looked for, each time")
        assert "version 3.1" in one.board.trust.problem


async def test_a_look_on_the_relays_word_that_failed_is_made_again_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.daemon.REFRESH_AFTER_FAILURE", 0.1)
    one = daemon(tmp_path)
    one._settings = msgspec.structs.replace(one._settings, trust=TrustSettings(refresh_seconds=3600.0))
    files, looks = one.trust, 0
    assert isinstance(files, SignedFiles)

    async def busy_once(wall: object) -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise TrustError("The relay is busy.")
        return True

    async with Running(one):
        await eventually_async(lambda: files.refreshed == 1, "the first refresh")
        files.refresh = busy_once  # type: ignore[method-assign]
        one.link_message(RepositoryChanged())
        await eventually_async(lambda: looks == 2 and not one.board.trust.problem, "it was looked again")


async def test_news_that_comes_while_files_are_fetched_is_fetched_too(tmp_path: Path) -> None:
    one = daemon(tmp_path)
    one._settings = msgspec.structs.replace(one._settings, trust=TrustSettings(refresh_seconds=3600.0))
    files, looks, go_on = one.trust, 0, asyncio.Event()
    assert isinstance(files, SignedFiles)

    async def slow(wall: object) -> bool:
        nonlocal looks
        looks += 1
        await go_on.wait()
        return False

    async with Running(one):
        await eventually_async(lambda: files.refreshed == 1, "the first refresh")
        files.refresh = slow  # type: ignore[method-assign]
        one.link_message(RepositoryChanged())
        await eventually_async(lambda: looks == 1, "a refresh on the relay's word")
        for _ in range(3):
            one.link_message(RepositoryChanged())  # what it tells of is newer than what was looked at
        go_on.set()
        await eventually_async(lambda: looks == 2, "one more look")


def survivor(one: Daemon, wall: float) -> RestartGrant:
    """A session of that daemon which was alive a moment before."""
    return RestartGrant(
        session="abc123",
        technician_key="11" * 32,
        own_key=one._device.key.public.fingerprint.hex(),
        name="Ana Ruiz",
        tier=2,
        kind=SessionKind.ATTENDED,
        granted=[Capability.CHAT],
        paused=False,
        asked_for="the printer",
        opened_at=wall - 60,
        granted_until=wall + 3000,
        window=900.0,
        alive_at=wall - 10,
        boot="first",
    )


async def test_after_a_restart_a_session_waits_once_and_can_be_stopped(tmp_path: Path) -> None:
    one = daemon(tmp_path, boot="second")
    one.restarts.keep(survivor(one, time.time()))
    async with Running(one):
        (waiting,) = one.board.sessions
        assert (waiting.session, waiting.name, waiting.granted) == ("abc123", "Ana Ruiz", ["chat"])
        assert 0 < waiting.waiting_until - time.time() <= 890
        async with LocalClient.connected(tmp_path / "agent" / "agent.sock") as client:
            await client.request(Attach)
            await client.request(lambda number: StopSession(number, "abc123"))
            said = [await client.events.get() for _ in range(3)]
            assert any(isinstance(item, SessionOver) and "did not come back" in item.text for item in said)
        assert one.board.sessions == []
    async with Running(daemon(tmp_path, boot="third")) as again:
        assert again.board.sessions == []  # consumed


async def test_an_agent_that_was_only_restarted_itself_lets_nobody_back_in(tmp_path: Path) -> None:
    one = daemon(tmp_path, boot="first")
    one.restarts.keep(survivor(one, time.time()))
    async with Running(one):
        assert one.board.sessions == []
        assert list((tmp_path / "agent" / "restart").iterdir()) == []


async def test_what_survives_stays_written_down_while_the_agent_goes_down(tmp_path: Path) -> None:
    one = daemon(tmp_path, boot="first")
    async with Running(one):
        one.restarts.keep(survivor(one, time.time()))
        one.stop()
        await eventually_async(lambda: one.restarts.frozen, "the agent goes down")
        one.restarts.forget("abc123")
    assert len(list((tmp_path / "agent" / "restart").iterdir())) == 1


async def test_an_audit_record_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    one = daemon(tmp_path)
    (tmp_path / "agent" / "audit.sqlite").mkdir(parents=True)
    with pytest.raises(AuditUnavailable):
        await one.run()


def test_a_relay_that_cannot_be_one_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(HandrailError, match="not encrypted"):
        daemon(tmp_path, relay="http://relay.example")


def test_the_platform_is_a_few_words() -> None:
    assert 0 < len(platform_name()) <= 100


async def test_a_guest_takes_one_tunnel_for_its_code_and_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    organisation = Organisation()
    known = organisation.guest()
    device = Device(organisation, known, label=f"Guest {known.peer[:6]}", group="guest")
    settings = AgentSettings(home=tmp_path / "agent", link=LinkSettings(backoff_first=5.0, backoff_most=5.0, connect_seconds=1.0))
    guest = GuestCode(secrets.token_bytes)
    one = Daemon(settings, device, (ChatFeature,), renew=None, guest=guest)
    one.trust = SignedFiles()  # type: ignore[assignment]
    offer = TunnelOffer(1, "t" * 24, "peer1", "Ana", True, 60.0)
    async with Running(one):
        assert one._services.waiting is None
        one.link_message(offer)
        assert "a guest that has no code" in caplog.text
        guest.make("482913507", 600.0)
        one.link_message(msgspec.structs.replace(offer, by_code=False))
        assert guest.take() == ""
        guest.make("482913507", 600.0)
        before = len(one._holding)
        one.link_message(offer)
        one.link_message(offer)
        assert len(one._holding) == before + 1
        assert caplog.text.count("a guest that has no code") == 3
