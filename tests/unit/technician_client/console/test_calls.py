"""What the console makes of the relay's hints that a colleague calls, and of what devices say."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from hostio.tasks import Supervisor
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.link_messages import DeviceRow
from protocol.messages.session import Called
from technician_client.console.calls import LOOKS, MOST_CALLS, Calls
from technician_client.console.ports import DevicesUpdate
from technician_client.knocking import CallAtDevice
from tests.kit.waiting import eventually_async, let_pass

ME = "t1me"


def row(device: str = "dev1", peer: str = ME, since: float = 5.0, *, waiting: bool = True, online: bool = True) -> DeviceRow:
    return DeviceRow(
        device, "said by the relay", "linux", online, 0.0, waiting, "", since, 2 if waiting else 0, peer if waiting else ""
    )


def said(name: str = "Ana Ruiz", seconds: float = 90.0, at: float = 5.0) -> CallAtDevice:
    return CallAtDevice("Till 3", Called(name, 1, "the spooler", at, seconds))


@dataclass
class Devices:
    """What devices say; asked are noted."""

    peer: str = ME
    answers: dict[str, list[CallAtDevice | HandrailError | None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    declined: list[tuple[str, str]] = field(default_factory=list)
    refuses: HandrailError | None = None
    at_once: int = 0
    most_at_once: int = 0

    async def who_calls(self, device: str) -> CallAtDevice | None:
        self.asked.append(device)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        answers = self.answers.get(device, [None])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, HandrailError):
            raise answer
        return answer

    async def decline_call(self, device: str, reason: str) -> None:
        self.declined.append((device, reason))
        if self.refuses is not None:
            raise self.refuses


@pytest.fixture
def devices() -> Devices:
    return Devices()


@pytest.fixture
async def calls(devices: Devices) -> AsyncIterator[Calls]:
    async with Supervisor() as supervisor:
        yield Calls(devices, supervisor, pause=0.001)


def shown(calls: Calls) -> list[tuple[str, str]]:
    return [(one["device"], one["name"]) for one in calls.rows()]


async def test_a_call_is_shown_as_the_device_tells_it(calls: Calls, devices: Devices) -> None:
    devices.answers["dev1"] = [said()]
    changes: list[int] = []
    end = calls.watch(lambda: changes.append(1))
    calls.see(DevicesUpdate((row(),)))
    calls.see(DevicesUpdate((row(),), replace=True))  # another tab hears the same
    await eventually_async(calls.rows, "the call")
    (one,) = calls.rows()
    assert {name: one[name] for name in ("device", "label", "name", "tier", "note", "called_at")} == {
        "device": "dev1",
        "label": "Till 3",
        "name": "Ana Ruiz",
        "tier": 1,
        "note": "the spooler",
        "called_at": 5.0,
    }
    assert 80 < one["seconds"] <= 90
    assert (devices.asked, changes) == (["dev1"], [1])
    calls.see(DevicesUpdate((row(waiting=False),)))
    assert (calls.rows(), changes) == ([], [1, 1])
    end()
    calls.see(DevicesUpdate((row(since=9.0),)))  # called again
    await eventually_async(calls.rows, "the second call")
    assert changes == [1, 1]


@pytest.mark.parametrize("other", [row(peer="t2"), row(peer=""), row(waiting=False), row(online=False)])
async def test_what_is_meant_for_others_asks_nobody(calls: Calls, devices: Devices, other: DeviceRow) -> None:
    calls.see(DevicesUpdate((other,)))
    await let_pass(0.02)
    assert devices.asked == []


async def test_a_false_hint_shows_nothing(calls: Calls, devices: Devices) -> None:
    calls.see(DevicesUpdate((row(),)))
    await eventually_async(lambda: devices.asked, "the device is asked")
    calls.see(DevicesUpdate((row(),)))
    await let_pass(0.02)
    assert (devices.asked, calls.rows()) == (["dev1"], [])


async def test_a_device_that_cannot_be_asked_is_asked_again_and_then_left(calls: Calls, devices: Devices) -> None:
    away = HandrailError("its network is away")
    devices.answers = {"dev1": [away, away, said()], "dev2": [away]}
    calls.see(DevicesUpdate((row("dev1"), row("dev2"))))
    await eventually_async(lambda: len(devices.asked) == 6, "all attempts")
    await eventually_async(calls.rows, "the call")
    assert shown(calls) == [("dev1", "Ana Ruiz")]


async def test_a_call_runs_out_by_itself_and_goes_with_its_row(calls: Calls, devices: Devices) -> None:
    devices.answers = {"dev1": [said(seconds=0.05)], "dev2": [said("Cy Ruiz", at=4.0)]}
    calls.see(DevicesUpdate((row("dev1"), row("dev2"))))
    await eventually_async(lambda: ("dev2", "Cy Ruiz") in shown(calls), "the calls")
    await eventually_async(lambda: shown(calls) == [("dev2", "Cy Ruiz")], "the first ran out")
    calls.see(DevicesUpdate((row("dev9", waiting=False),), replace=True))
    assert calls.rows() == []


async def test_a_no_is_told_and_ends_it_here(calls: Calls, devices: Devices) -> None:
    devices.answers["dev1"] = [said()]
    calls.see(DevicesUpdate((row(),)))
    await eventually_async(calls.rows, "the call")
    devices.refuses = HandrailError("its network is away")
    with pytest.raises(HandrailError):
        await calls.decline("dev1", "in a meeting")
    assert len(calls.rows()) == 1
    devices.refuses = Refused("Nobody calls you.", reason=RefusalReason.NOT_FOUND)
    await calls.decline("dev1", "in a meeting")
    assert calls.rows() == []
    assert devices.declined == [("dev1", "in a meeting")] * 2
    calls.see(DevicesUpdate((row(),)))  # the relay has not heard of it yet
    await let_pass(0.02)
    assert calls.rows() == []


async def test_a_relay_that_hints_without_end_is_not_believed_without_end(calls: Calls, devices: Devices) -> None:
    calls.see(DevicesUpdate(tuple(row(f"dev{number}") for number in range(10 * MOST_CALLS))))
    await eventually_async(lambda: len(devices.asked) == MOST_CALLS, "as many as can be")
    assert devices.most_at_once <= 4
    for since in range(100):
        calls.see(DevicesUpdate((row(since=float(since)),)))
        await asyncio.sleep(0)
    await let_pass(0.05)
    assert len(devices.asked) <= LOOKS
