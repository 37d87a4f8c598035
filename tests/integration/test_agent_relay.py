"""The whole agent and a real relay: codes, tunnels, sessions, restarts; and the local socket in between."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from agent.daemon import Daemon
from agent.errors import AlreadyRunning, LocalRefused
from agent.features.base import Feature
from agent.features.chat import ChatFeature
from agent.local import LocalClient
from agent.local_messages import (
    AnswerConsent,
    AskStatus,
    Attach,
    ChatHeard,
    CodeShown,
    ConsentAsked,
    HelpEnded,
    RequestHelp,
    Said,
    SayChat,
    SessionOver,
    StatusReply,
    StopSession,
)
from agent.settings import AgentSettings, LinkSettings
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages.chat import ChatMessage
from technician_client.link import RelayClient
from technician_client.sessions import Session
from technician_client.settings import Settings
from tests.kit.assisted import Device, SignedFiles
from tests.kit.organisation import Credentials, Organisation
from tests.kit.relays import RunningRelay, serving
from tests.kit.switchboard import keys_of
from tests.kit.waiting import eventually_async

CHAT = Capability.CHAT
FEATURES: tuple[type[Feature], ...] = (ChatFeature,)
LINK = LinkSettings(backoff_first=0.05, backoff_most=0.2)


@dataclass
class Scene:
    """A relay, a device's daemon, a technician."""

    relay: RunningRelay
    organisation: Organisation
    daemon: Daemon
    device: Device
    person: Credentials
    settings: AgentSettings
    home: Path

    @contextlib.asynccontextmanager
    async def technician(self) -> AsyncIterator[RelayClient]:
        keys = keys_of(self.organisation, self.person, self.relay.url)
        settings = Settings(home=self.home / "technician")
        async with RelayClient(keys, settings) as client:  # type: ignore[arg-type]
            yield client

    @contextlib.asynccontextmanager
    async def program(self) -> AsyncIterator[LocalClient]:
        async with LocalClient.connected(self.settings.socket) as client:
            yield client


async def said(client: LocalClient, kind: type[Said]) -> Said:
    async with asyncio.timeout(60):
        while True:
            event = await client.events.get()
            assert event is not None, "the daemon closed the connection"
            if isinstance(event, kind):
                return event


@contextlib.asynccontextmanager
async def running(daemon: Daemon) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(daemon.run())
    try:
        await eventually_async(lambda: task.done() or daemon.ready.is_set(), "the daemon starts")
        if task.done():
            await task
        yield
    finally:
        daemon.stop()
        await asyncio.wait_for(task, 60)


@contextlib.asynccontextmanager
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    organisation = Organisation()
    person = organisation.technician()
    (tmp_path / "relay").mkdir()
    async with serving(tmp_path / "relay") as relay:
        await relay.register(organisation)
        device = Device(organisation, organisation.device(), relay=relay.url)
        settings = AgentSettings(home=tmp_path / "agent", link=LINK)
        daemon = Daemon(settings, device, FEATURES, renew=lambda known: known)
        daemon.trust = SignedFiles(person)  # type: ignore[assignment]
        async with running(daemon):
            await eventually_async(lambda: daemon.board.relay.state == "connected", "the link")
            yield Scene(relay, organisation, daemon, device, person, settings, tmp_path)


async def ask_for_help(client: LocalClient) -> str:
    await client.request(lambda number: Attach(number, "test"))
    await client.request(lambda number: RequestHelp(number, "the printer is on fire"))
    shown = await said(client, CodeShown)
    assert isinstance(shown, CodeShown)
    return shown.code


async def answer(client: LocalClient, *granted: Capability) -> ConsentAsked:
    asked = await said(client, ConsentAsked)
    assert isinstance(asked, ConsentAsked)
    await client.request(lambda number: AnswerConsent(number, asked.question, list(granted)))
    return asked


async def test_a_code_leads_to_a_session_and_back(tmp_path: Path) -> None:
    async with scene(tmp_path) as one, one.program() as user, one.technician() as technician:
        code = await ask_for_help(user)
        opening = asyncio.get_running_loop().create_task(Session.open(technician, code=code, wanted=[CHAT], reason="you called"))
        used = await said(user, HelpEnded)
        assert isinstance(used, HelpEnded)
        assert used.used
        asked = await answer(user, CHAT)
        session = await opening
        assert asked.ask.sas == session.sas
        assert asked.ask.reason == "you called"
        session.send(ChatMessage("hello"))
        heard = await said(user, ChatHeard)
        assert isinstance(heard, ChatHeard)
        assert heard.text == "hello"
        reply = await user.request(AskStatus)
        assert isinstance(reply, StatusReply)
        assert [found.granted for found in reply.status.sessions] == [["chat"]]
        await user.request(lambda number: SayChat(number, heard.session, "hi"))
        await session.end("done")
        over = await said(user, SessionOver)
        assert isinstance(over, SessionOver)
        assert Path(over.receipt).exists()


async def test_a_technician_asks_to_help_without_a_code(tmp_path: Path) -> None:
    async with scene(tmp_path) as one, one.program() as user, one.technician() as technician:
        await user.request(lambda number: Attach(number, "test"))
        loop = asyncio.get_running_loop()
        opening = loop.create_task(Session.open(technician, device=one.device.peer, wanted=[CHAT]))
        await answer(user)
        with pytest.raises(Refused) as refused:
            await opening
        assert refused.value.reason is RefusalReason.DENIED_BY_USER


async def test_the_person_ends_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as one, one.program() as user, one.technician() as technician:
        await user.request(lambda number: Attach(number, "test"))
        loop = asyncio.get_running_loop()
        opening = loop.create_task(Session.open(technician, device=one.device.peer, wanted=[CHAT]))
        await answer(user, CHAT)
        session = await opening
        await user.request(StopSession)
        await said(user, SessionOver)
        await eventually_async(lambda: session.kept is not None, "the technician keeps the last words")
        # The daemon forgets the session just after it has said that it is over.
        await eventually_async(lambda: not one.daemon._sessions, "the session is forgotten")
        with pytest.raises(LocalRefused):
            await user.request(StopSession)


async def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as one, one.technician() as technician:
        with pytest.raises(Refused) as refused:
            await Session.open(technician, device=one.device.peer, wanted=[CHAT])
        assert refused.value.reason is RefusalReason.NOBODY_TO_ASK


async def test_a_front_end_that_closes_withdraws_its_code(tmp_path: Path) -> None:
    async with scene(tmp_path) as one, one.technician() as technician:
        async with one.program() as user:
            code = await ask_for_help(user)
        await eventually_async(lambda: one.daemon.broker.attached == 0, "the program is gone")
        with pytest.raises(HandrailError):
            await technician.redeem(code)


async def test_one_line_when_the_relay_goes_and_one_when_it_is_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agent.link")
    organisation = Organisation()
    device = Device(organisation, organisation.device())
    settings = AgentSettings(home=tmp_path / "agent", link=LINK)
    (tmp_path / "relay").mkdir()
    async with serving(tmp_path / "relay") as relay:
        await relay.register(organisation)
        config = relay.relay.config
        device = replace(device, relay=relay.url)
        daemon = Daemon(settings, device, FEATURES, renew=lambda known: known)
        daemon.trust = SignedFiles()  # type: ignore[assignment]
        task = asyncio.get_running_loop().create_task(daemon.run())
        await eventually_async(lambda: daemon.board.relay.state == "connected", "the link")
    try:
        await eventually_async(lambda: daemon.board.relay.state == "away", "the relay is away")
        await eventually_async(lambda: "does not answer" in daemon.board.relay.text, "a few attempts")
        settings_of_relay = {"listen": config.listen, "public_url": config.public_url}
        async with serving(tmp_path / "relay", **settings_of_relay):
            await eventually_async(lambda: daemon.board.relay.state == "connected", "the link is back")
    finally:
        daemon.stop()
        await asyncio.wait_for(task, 60)
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert len([line for line in lines if "Trying again" in line]) <= 2  # the second: the relay stops at the end of the test
    assert len([line for line in lines if "is back" in line]) == 1


async def test_a_second_agent_on_the_same_home_is_told_so(tmp_path: Path) -> None:
    async with scene(tmp_path) as one:
        second = Daemon(one.settings, one.device, FEATURES, renew=lambda known: known)
        with pytest.raises(AlreadyRunning, match="already serves"):
            await second.run()
        async with one.program() as user:
            assert isinstance(await user.request(AskStatus), StatusReply)


async def test_a_stopping_agent_says_goodbye(tmp_path: Path) -> None:
    async with scene(tmp_path) as one, one.program() as user, one.technician() as technician:
        await user.request(lambda number: Attach(number, "test"))
        loop = asyncio.get_running_loop()
        opening = loop.create_task(Session.open(technician, device=one.device.peer, wanted=[CHAT]))
        await answer(user, CHAT)
        session = await opening
        one.daemon.stop()
        await eventually_async(lambda: session.kept is not None, "the technician keeps the last words")
    assert not one.settings.socket.exists()


async def test_at_most_so_many_sessions(tmp_path: Path) -> None:
    async with scene(tmp_path) as one, one.technician() as technician:
        narrow = msgspec.structs.replace(one.settings.session, most=1)
        one.daemon._settings = msgspec.structs.replace(one.settings, session=narrow)
        async with one.program() as user:
            await user.request(lambda number: Attach(number, "test"))
            loop = asyncio.get_running_loop()
            opening = loop.create_task(Session.open(technician, device=one.device.peer, wanted=[CHAT]))
            await answer(user, CHAT)
            session = await opening
            with pytest.raises(Refused) as refused:
                await Session.open(technician, device=one.device.peer, wanted=[CHAT])
            assert refused.value.reason is RefusalReason.BUSY
            await session.end("done")
