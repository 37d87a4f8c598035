"""Asking a device who calls, and declining: over a real session machine of an agent, through a socket in memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from protocol.capabilities import Capability
from protocol.certificates import Identity
from protocol.errors import HandrailError, RefusalReason, Refused, TrustError
from protocol.link_messages import TunnelOffer
from protocol.messages.session import Called
from protocol.session import AgentSession, ConsentNeeded, SessionEnded
from technician_client.errors import SessionLost
from technician_client.knocking import CallAtDevice, decline, who_calls
from technician_client.settings import Settings
from tests.kit.organisation import Organisation
from tests.kit.switchboard import keys_of

Answer = Callable[[AgentSession, ConsentNeeded], None]
CALLED = Called("Ana Ruiz", 1, "the spooler crashes", 5.0, 90.0)


class Device:
    """A device's end of a tunnel: its session machine, and what its agent decides."""

    close_code: int | None = None

    def __init__(self, organisation: Organisation, answer: Answer) -> None:
        self.credentials = organisation.device("Till 3")
        self._machine = AgentSession(
            self.credentials.key,
            self.credentials.chain,
            organisation.root,
            label="Till 3",
            wall=lambda: datetime.now(UTC),
        )
        self._answer = answer
        self._out: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.asked: list[ConsentNeeded] = []
        self.ended: SessionEnded | None = None
        self.transport: Any = self

    def abort(self) -> None:
        """Cut."""
        self._out.put_nowait(None)

    async def send(self, data: bytes) -> None:
        """What the technician sends."""
        self._machine.receive_data(data, time.monotonic())
        self._settle()

    def _settle(self) -> None:
        for event in self._machine.events():
            if isinstance(event, ConsentNeeded):
                self.asked.append(event)
                self._answer(self._machine, event)
            elif isinstance(event, SessionEnded):
                self.ended = event
        while data := self._machine.data_to_send():
            self._out.put_nowait(data)

    async def close(self) -> None:
        """The technician has gone."""
        self._machine.receive_eof(time.monotonic())
        self._settle()
        self._out.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (data := await self._out.get()) is not None:
            yield data


class Relay:
    """A relay that leads to this device."""

    revocations = None

    def __init__(self, organisation: Organisation, home: Path, answer: Answer) -> None:
        self.identity: Any = keys_of(organisation, organisation.technician("Ben Ruiz", tier=2), "http://127.0.0.1:9")
        self.settings = Settings(home, pairing_seconds=20.0, end_seconds=1.0)
        self.device = Device(organisation, answer)
        self.label = "Till 3"

    async def redeem(self, code: str) -> TunnelOffer:
        raise AssertionError(code)

    async def ask(self, device: str) -> TunnelOffer:
        return TunnelOffer(1, "t" * 32, self.device.credentials.peer, self.label, False, 60.0)

    async def open_tunnel(self, offer: TunnelOffer) -> Any:
        return self.device


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def tells(machine: AgentSession, _asked: ConsentNeeded) -> None:
    machine.tell_call(CALLED, time.monotonic())


def ends(machine: AgentSession, _asked: ConsentNeeded) -> None:
    machine.end("declined", time.monotonic())


def nobody(machine: AgentSession, _asked: ConsentNeeded) -> None:
    machine.deny(RefusalReason.NOT_FOUND, "Nobody calls you here.", time.monotonic())


def opens(machine: AgentSession, _asked: ConsentNeeded) -> None:
    machine.welcome([Capability.VIEW], 60.0, "s-1", time.monotonic())


async def test_what_the_device_says_is_told_under_its_certified_name(organisation: Organisation, tmp_path: Path) -> None:
    relay = Relay(organisation, tmp_path, tells)
    accepted: list[Identity] = []
    assert await who_calls(relay, relay.device.credentials.peer, accept=accepted.append) == CallAtDevice("Till 3", CALLED)
    (asked,) = relay.device.asked
    assert (asked.call, asked.wanted, asked.reason) == ("look", [], "")
    assert [one.peer for one in accepted] == [relay.device.credentials.peer]
    assert relay.device.ended is not None


async def test_nobody_calls(organisation: Organisation, tmp_path: Path) -> None:
    relay = Relay(organisation, tmp_path, nobody)
    assert await who_calls(relay, relay.device.credentials.peer) is None
    relay = Relay(organisation, tmp_path, nobody)
    with pytest.raises(Refused, match="Nobody calls you here"):
        await decline(relay, relay.device.credentials.peer, "")


async def test_a_no_goes_out_with_its_reason(organisation: Organisation, tmp_path: Path) -> None:
    relay = Relay(organisation, tmp_path, ends)
    await decline(relay, relay.device.credentials.peer, "in a meeting")
    (asked,) = relay.device.asked
    assert (asked.call, asked.wanted, asked.reason) == ("decline", [], "in a meeting")


async def test_a_device_that_says_nothing_of_a_call_is_not_believed_to_have_none(
    organisation: Organisation, tmp_path: Path
) -> None:
    relay = Relay(organisation, tmp_path, ends)
    with pytest.raises(HandrailError, match="did not say who calls"):
        await who_calls(relay, relay.device.credentials.peer)


async def test_a_device_that_opens_a_session_instead_is_left(organisation: Organisation, tmp_path: Path) -> None:
    relay = Relay(organisation, tmp_path, opens)
    with pytest.raises(SessionLost, match="broke the rules"):
        await who_calls(relay, relay.device.credentials.peer)


async def test_another_device_than_the_one_that_was_meant_is_asked_nothing(organisation: Organisation, tmp_path: Path) -> None:
    relay = Relay(organisation, tmp_path, tells)
    relay.label = "Office of the boss"
    with pytest.raises(TrustError, match="certificate says"):
        await who_calls(relay, relay.device.credentials.peer)
    assert relay.device.asked == []


async def test_one_that_does_not_answer_is_not_waited_for_without_end(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("technician_client.knocking.ANSWER_SECONDS", 0.5)
    relay = Relay(organisation, tmp_path, lambda _machine, _asked: None)
    with pytest.raises(SessionLost, match="did not answer in time"):
        await who_calls(relay, relay.device.credentials.peer)
