"""What is remembered of a session: going on after a restart, end to end in memory."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from agent.features.base import Feature
from agent.features.chat import ChatFeature
from agent.policy import SessionKind
from agent.restarting import RestartGrant, RestartGrants
from agent.resuming import HeldSession
from protocol.capabilities import Capability
from protocol.session import Opened, SessionEnded
from tests.kit.assisted import Assistance

FEATURES: tuple[type[Feature], ...] = (ChatFeature,)
CHAT = Capability.CHAT


async def restart(one: Assistance) -> RestartGrant:
    """The computer goes down; what its agent finds when it is up again."""
    assert one.services.restarts is not None
    one.services.restarts.frozen = True
    one.session.end("the agent is stopping")
    ended = await one.event(SessionEnded)
    assert ended.resume_seconds == 900.0
    (grant,) = RestartGrants(one.settings.restart, boot="second", wall=time.time).take()
    return grant


@pytest.mark.parametrize("same_key", [True, False])
async def test_after_a_restart_the_same_key_comes_back_once(tmp_path: Path, same_key: bool) -> None:
    async with Assistance(tmp_path, FEATURES, wanted=(CHAT,), resume_seconds=60, after_restart=900.0, boot="first") as one:
        person = one.sit_down()
        number, _ = await person.question()
        one.broker.answer(number, granted=frozenset({CHAT}), after_restart=True)
        name = (await one.event(Opened)).welcome.session_id
        grant = await restart(one)
        assert one.waiting is not None
        closed: list[str] = []
        held = HeldSession(
            grant.session,
            name=grant.name,
            organisation="Example Ltd",
            tier=grant.tier,
            technician_key=bytes.fromhex(grant.technician_key),
            own_key=bytes.fromhex(grant.own_key),
            kind=SessionKind.ATTENDED,
            grants=dict.fromkeys(grant.granted, asyncio.get_running_loop().time() + 600),
            opened_at=grant.opened_at,
            granted_until=grant.granted_until,
            paused=False,
            after_restart=0.0,
            asked_for=grant.asked_for,
            close=closed.append,
            restarted=True,
        )
        one.waiting.hold(held, 900.0)
        visitor = one.person if same_key else one.organisation.technician()
        if not same_key:
            one.files.add(visitor)
        one.reconnect(name, visitor)
        if not same_key:
            await person.question()
            assert one.waiting.sessions == [held]
            return
        welcome = (await one.event(Opened)).welcome
        assert welcome.resumed
        assert welcome.session_id != name
        assert welcome.after_restart == 0.0  # one restart, not two
        assert not list(one.settings.restart.glob("*.json"))
        assert not person.questions
        actions = [record.action for record in one.audit.records(one.session.id)]
        assert actions == ["session resumed"]


async def test_names_are_bounded_in_what_is_written(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, wanted=(CHAT,), after_restart=900.0, boot="first") as one:
        person = one.sit_down()
        number, _ = await person.question()
        one.broker.answer(number, granted=frozenset({CHAT}), after_restart=True)
        await one.event(Opened)
        (file,) = one.settings.restart.glob("*.json")
        assert len(msgspec.json.decode(file.read_bytes(), type=RestartGrant).name) <= 200
