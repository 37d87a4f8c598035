"""An assisted session on a device that is not enrolled, with the agent's own parts."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent.features.chat import ChatFeature
from agent.local_messages import SessionOver
from agent.policy import SessionKind
from protocol.capabilities import Capability
from protocol.errors import LocalProtocolError
from protocol.limits import LIMITS
from protocol.session import Opened, SessionState
from tests.kit.guests import AssistedGuest
from tests.kit.waiting import eventually_async

CHAT = Capability.CHAT


async def test_it_opens_for_who_knows_the_code_and_says_what_is_wrong(tmp_path: Path) -> None:
    async with AssistedGuest(tmp_path, (ChatFeature,)) as guest:
        person = guest.sit_down()
        question = await person.allow(CHAT)
        assert (question.name, question.sas) == ("Ana Ruiz", "")
        await eventually_async(lambda: guest.flush() or guest.technician.state is SessionState.OPEN, "the session opens")
        assert guest.technician.guest_text == "the printer is on fire"
        (opened,) = [event for event in guest.events if isinstance(event, Opened)]
        assert opened.welcome.granted == [CHAT]
        assert not opened.welcome.unattended
        assert opened.welcome.seconds <= LIMITS.guest_seconds
        assert guest.session._kind is SessionKind.GUEST


async def test_a_wrong_guess_is_told_and_uses_the_code_up(tmp_path: Path) -> None:
    async with AssistedGuest(tmp_path, (ChatFeature,), typed="ABCDEFGH") as guest:
        person = guest.sit_down()
        await eventually_async(lambda: guest.flush() or guest.technician.state is SessionState.ENDED, "the end")
        await eventually_async(lambda: guest.heard, "the person is told")
        (said,) = guest.heard
        assert isinstance(said, SessionOver)
        assert "ask for a new one" in said.text
        assert not person.questions
        guest.typed = guest.code.secret
        with pytest.raises(LocalProtocolError, match="secret"):
            guest.reconnect("")


async def test_it_ends_when_its_hour_is_over(tmp_path: Path) -> None:
    async with AssistedGuest(tmp_path, (ChatFeature,), limits=replace(LIMITS, guest_seconds=0.05)) as guest:
        person = guest.sit_down()
        await person.allow(CHAT)
        await eventually_async(lambda: guest.flush() or guest.technician.state is SessionState.ENDED, "the end")
        assert guest.running is not None
        await asyncio.wait([guest.running], timeout=5)
        over = guest.heard[-1]
        assert isinstance(over, SessionOver)
        assert "lasts 0 minutes at most" in over.text
        assert over.receipt == ""
