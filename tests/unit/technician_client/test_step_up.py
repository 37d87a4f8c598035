"""The passphrase again: when, by whom, and what wrong ones cost."""

import asyncio
from pathlib import Path

import pytest

from protocol.capabilities import Capability
from protocol.certificates import PrivateKey
from protocol.errors import HandrailError, Refused, TrustError
from technician_client.identity import save_keys
from technician_client.step_up import CAPABILITIES, FRESH_SECONDS, LOCK_SECONDS, MOST_WRONG, StepUp, StepUpNeeded

FAR = [Capability.VIEW, Capability.TERMINAL]
PASSPHRASE = "correct horse battery"


class Clocks:
    def __init__(self) -> None:
        self.now, self.wall = 1000.0, 1_800_000_000.0

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("identity")
    save_keys(directory, PrivateKey.generate(), PrivateKey.generate(), PASSPHRASE.encode())
    return directory


def made(directory: Path, clocks: Clocks, *, proved: bool = True) -> StepUp:
    return StepUp(directory, proved=proved, clock=lambda: clocks.now, wall=lambda: clocks.wall)


def test_it_is_about_tier_three() -> None:
    assert {
        Capability.TERMINAL,
        Capability.TERMINAL_ROOT,
        Capability.FILES_IN,
        Capability.FILES_OUT,
        Capability.FORWARD,
    } == CAPABILITIES


@pytest.mark.parametrize(
    ("seconds", "wanted", "needed"),
    [
        (0.0, FAR, False),
        (FRESH_SECONDS, FAR, False),
        (FRESH_SECONDS + 1, FAR, True),
        (FRESH_SECONDS + 1, [Capability.CONTROL, Capability.FIXES], False),
    ],
)
def test_when_it_is_needed(directory: Path, clocks: Clocks, seconds: float, wanted: list[Capability], needed: bool) -> None:
    step_up = made(directory, clocks)
    clocks.pass_by(seconds)
    assert step_up.needed(wanted) is needed


def test_neither_sleep_nor_a_clock_that_is_set_back_keeps_it_fresh(directory: Path, clocks: Clocks) -> None:
    asleep = made(directory, clocks)
    clocks.wall += FRESH_SECONDS + 1
    assert asleep.needed(FAR)
    set_back = made(directory, clocks)
    clocks.now += FRESH_SECONDS + 1
    clocks.wall -= 3600
    assert set_back.needed(FAR)


async def test_a_keyring_is_no_person(directory: Path, clocks: Clocks) -> None:
    step_up = made(directory, clocks, proved=False)
    with pytest.raises(StepUpNeeded, match="passphrase"):
        step_up.demand(FAR)
    await step_up.prove(PASSPHRASE)
    step_up.demand(FAR)


async def test_wrong_ones_are_counted_and_then_it_waits(directory: Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = 0
    right = StepUp._open

    def count(self: StepUp, passphrase: bytes) -> None:
        nonlocal opened
        opened += 1
        if passphrase != PASSPHRASE.encode():
            raise TrustError("That is not the passphrase of your key.")
        right(self, passphrase)

    monkeypatch.setattr(StepUp, "_open", count)
    step_up = made(directory, clocks, proved=False)
    tries = await asyncio.gather(*(step_up.prove(f"guess {n}") for n in range(MOST_WRONG + 3)), return_exceptions=True)
    assert [type(error) for error in tries] == [TrustError] * MOST_WRONG + [Refused] * 3
    assert opened == MOST_WRONG
    with pytest.raises(Refused, match="Wait"):
        await step_up.prove(PASSPHRASE)
    clocks.pass_by(LOCK_SECONDS)
    await step_up.prove(PASSPHRASE)
    assert not step_up.needed(FAR)


async def test_a_wrong_passphrase_is_found_out_by_the_key_itself(directory: Path, clocks: Clocks) -> None:
    with pytest.raises(TrustError, match="not the passphrase"):
        await made(directory, clocks, proved=False).prove("wrong")


async def test_a_key_that_is_gone_is_a_sentence(tmp_path: Path, clocks: Clocks) -> None:
    with pytest.raises(HandrailError, match="backup"):
        await made(tmp_path, clocks, proved=False).prove(PASSPHRASE)


async def test_the_terminal_asks_only_when_it_is_needed(directory: Path, clocks: Clocks) -> None:
    asked: list[str] = []

    def ask(words: str) -> str:
        asked.append(words)
        return PASSPHRASE

    step_up = made(directory, clocks)
    await step_up.satisfy(FAR, ask)
    assert asked == []
    clocks.pass_by(FRESH_SECONDS + 1)
    await step_up.satisfy([Capability.VIEW], None)
    with pytest.raises(StepUpNeeded):
        await step_up.satisfy(FAR, None)
    await step_up.satisfy(FAR, ask)
    assert len(asked) == 1
    assert not step_up.needed(FAR)


async def test_a_fix_of_the_third_tier_takes_it_too(directory: Path, clocks: Clocks) -> None:
    step_up = made(directory, clocks)
    fixes = [Capability.DIAGNOSTICS, Capability.FIXES]
    step_up.demand(fixes, 3)
    clocks.pass_by(FRESH_SECONDS + 1)
    step_up.demand(fixes, 2)
    with pytest.raises(StepUpNeeded):
        step_up.demand(fixes, 3)
    with pytest.raises(StepUpNeeded):
        await step_up.satisfy(fixes, None, 3)


async def test_many_who_need_it_at_once_ask_once(directory: Path, clocks: Clocks) -> None:
    asked: list[str] = []

    def ask(words: str) -> str:
        asked.append(words)
        return PASSPHRASE

    step_up = made(directory, clocks, proved=False)
    await asyncio.gather(*(step_up.satisfy(FAR, ask) for _ in range(8)))
    assert len(asked) == 1
