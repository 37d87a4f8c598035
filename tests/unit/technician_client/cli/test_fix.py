"""`handrail fixes` and `handrail fix`."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import click
import msgspec
import pytest

from hostio.exit_codes import ExitCode
from protocol.errors import RefusalReason
from protocol.messages import Message
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone, Finding
from protocol.messages.fixes import (
    FixCatalogue,
    FixEntry,
    FixList,
    FixOutput,
    FixParameter,
    FixResult,
    FixRun,
    FixStage,
)
from technician_client.cli import fix as fix_command
from technician_client.cli.app import App
from technician_client.cli.fix import Order, parse_parameters, result_exit_code
from technician_client.cli.output import Output
from technician_client.identity import TechnicianIdentity
from technician_client.pinned import Pinned
from technician_client.settings import Settings
from technician_client.step_up import StepUp
from technician_client.worklog import read_worklog
from tests.kit.commands import handrail
from tests.kit.organisation import Organisation
from tests.kit.switchboard import Keys, SimulatedDevice, Switchboard, keys_of, running

Outcome = Literal["fixed", "not_needed", "done", "failed", "verify_failed", "undone", "timed_out", "cancelled", "refused"]
FULL = Finding("disk_full", "The disk is full", "critical", "", {}, "clean-cache", {"days": 3})
ENTRY = FixEntry(
    "clean-cache",
    "2",
    "Clean \x1b[31mthe cache",
    "",
    1,
    "user",
    [FixParameter("days", "int", low=1, high=30, default=7)],
    digest="3f2a91c0b7de" + "0" * 52,
)
GONE = FixEntry("other", "1", "Other", "", 2, "root", [], available=False, why_not="needs root")


class Fixer:
    """Answers for one device: `outcome` of a run and whether the finding remains."""

    def __init__(self) -> None:
        self.outcome: Outcome = "fixed"
        self.remains = False
        self.finds: list[Finding] = [FULL]
        self.tier = 1
        self.digest = ENTRY.digest
        self.reason = RefusalReason.TIER_TOO_LOW

    def __call__(self, message: Message) -> list[Message]:
        match message:
            case DiagnosticsCollect(request=request):
                return [DiagnosticsDone(request, self.finds, 3, 100)]
            case FixList(request=request):
                return [FixCatalogue(request, [GONE, msgspec.structs.replace(ENTRY, min_tier=self.tier, digest=self.digest)])]
            case FixRun(request=request, id=name, digest=digest):
                return [
                    FixStage(request, "verify_signature"),
                    FixStage(request, "run"),
                    FixOutput(request, "run", "stdout", "removing\x1b[2J 12 files\n"),
                    FixResult(
                        request,
                        name,
                        "2",
                        self.outcome,
                        5,
                        0,
                        self.reason if self.outcome == "refused" else None,
                        "what happened",
                        before=[FULL],
                        after=[FULL] if self.remains else [],
                        digest=digest,
                    ),
                ]
        return []


@pytest.fixture
def devices() -> list[SimulatedDevice]:
    organisation = Organisation()
    return [SimulatedDevice(organisation, f"PC {n}", "tills" if n < 2 else "office", answers=Fixer()) for n in range(3)]


@pytest.fixture
def fixer(devices: list[SimulatedDevice]) -> Fixer:
    assert isinstance(devices[0].answers, Fixer)
    return devices[0].answers


@pytest.fixture
async def board(devices: list[SimulatedDevice]) -> AsyncIterator[Switchboard]:
    async with running(Switchboard(devices[0].organisation, *devices)) as board:
        yield board


@pytest.fixture
def keys(board: Switchboard) -> Keys:
    return keys_of(board.organisation, board.organisation.technician(), board.url)


def run_of(device: SimulatedDevice) -> FixRun:
    return next(message for message in device.received if isinstance(message, FixRun))


async def test_the_catalogue_is_shown_and_documented(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    ran = await handrail(tmp_path, keys, "fixes", "PC", "0")
    assert ran.code == 0
    assert "days:int=7" in ran.out
    assert "needs root" in ran.out
    assert "\x1b" not in ran.out
    document = (await handrail(tmp_path, keys, "fixes", "PC 0", "--json")).json
    assert [entry["id"] for entry in document["fixes"]] == ["clean-cache", "other"]
    assert document["device"] == devices[0].peer


async def test_a_fix_streams_its_output_and_shows_before_and_after(
    keys: Keys, devices: list[SimulatedDevice], tmp_path: Path
) -> None:
    ran = await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache", "--param", "days=5")
    assert ran.code == 0
    assert "removing\\x1b[2J 12 files" in ran.out
    assert "what happened" in ran.out
    assert "gone" in ran.out
    assert "checking the script's signatures" in ran.err
    assert run_of(devices[0]).parameters == {"days": 5}
    assert run_of(devices[0]).digest == ENTRY.digest
    assert "clean-cache 2 (digest 3f2a91c0b7de)" in ran.out


async def test_what_was_looked_at_is_what_runs(keys: Keys, devices: list[SimulatedDevice], fixer: Fixer, tmp_path: Path) -> None:
    ran = await handrail(tmp_path, keys, "fixes", "PC 0")
    assert "3f2a91c0b7de" in ran.out
    argv = ("fix", "PC 0", "clean-cache", "--digest", "3f2a91c0b7de")
    assert (await handrail(tmp_path, keys, *argv)).code == 0
    devices[0].received.clear()
    fixer.digest = "81" * 32  # another was approved meanwhile
    ran = await handrail(tmp_path, keys, *argv)
    assert ran.code == 5 and "digest 818181818181" in ran.err and "Look at it again" in ran.err
    assert not any(isinstance(message, FixRun) for message in devices[0].received)
    fixer.digest, fixer.outcome, fixer.reason = ENTRY.digest, "refused", RefusalReason.CHANGED  # a moment later, at the device
    ran = await handrail(tmp_path, keys, *argv)
    assert ran.code == 5 and f"Look at the new one: handrail fixes {devices[0].peer}" in ran.out
    for wrong in ("3f2a91", "3f2a91c0x", "3f" * 33):
        assert (await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache", "--digest", wrong)).code == 2
    ran = await handrail(tmp_path, keys, "fix", "--all", "clean-cache", "--digest", "3f2a91c0b7de", "--json")
    assert {line["label"] for line in ran.lines if "label" in line} == {"PC 0", "PC 1", "PC 2"}


async def test_a_group_that_has_not_all_the_same_is_told_of(keys: Keys, fixer: Fixer, tmp_path: Path) -> None:
    fixer.digest = "81" * 32
    assert "Not all of them have the same clean-cache" in (await handrail(tmp_path, keys, "fix", "--all", "clean-cache")).err


async def test_many_devices_run_what_the_organisation_has_approved_and_no_other(
    keys: Keys, devices: list[SimulatedDevice], fixer: Fixer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pinned(_app: App, _settings: Settings, order: Order) -> Order:
        return replace(order, digest=order.digest or ENTRY.digest)

    monkeypatch.setattr(fix_command, "pinned_order", pinned)
    fixer.digest = "81" * 32  # PC 0 has another by now
    ran = await handrail(tmp_path, keys, "fix", "--all", "clean-cache", "--json")
    assert ran.code != 0
    assert {line["label"] for line in ran.lines if line.get("outcome") == "fixed"} == {"PC 1", "PC 2"}
    assert {line["label"]: line["error"]["reason"] for line in ran.lines if "error" in line} == {"PC 0": "changed"}
    assert "1 device did not run it, having another clean-cache than digest 3f2a91c0b7de" in ran.err
    assert not any(isinstance(message, FixRun) for message in devices[0].received)
    assert run_of(devices[1]).digest == run_of(devices[2]).digest == ENTRY.digest


async def test_an_order_without_a_digest_is_pinned_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def approved(_identity: object, _settings: Settings, fix: str, _wall: datetime) -> Pinned:
        asked.append(fix)
        return Pinned(fix, "2", ENTRY.digest)

    monkeypatch.setattr(fix_command, "approved_for", approved)
    identity = object.__new__(TechnicianIdentity)
    app = App(tmp_path, Output(stdout=io.StringIO(), stderr=(err := io.StringIO()), colour=False))
    app.unlocked = identity
    order = Order("clean-cache", "", {}, "", "because")
    assert await fix_command.pinned_order(app, app.settings(), order) == replace(order, digest=ENTRY.digest)
    assert "clean-cache 2, digest 3f2a91c0b7de, as your organisation has approved it." in err.getvalue()
    named = replace(order, digest="81818181")
    assert await fix_command.pinned_order(app, app.settings(), named) == named, "who names one has looked at it"
    assert asked == ["clean-cache"]


async def test_before_and_after_are_kept_with_the_receipt(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    assert (await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache")).code == 0
    log = read_worklog(tmp_path / "worklogs", "session-1")
    assert log is not None and (log.device, log.label) == (devices[0].peer, "PC 0")
    (done,) = log.fixes
    assert (done.id, done.outcome, done.before, done.after) == ("clean-cache", "fixed", ["The disk is full"], [])
    assert (await handrail(tmp_path, keys, "fix", "--all", "clean-cache")).code == 0
    log = read_worklog(tmp_path / "worklogs", "session-2")
    assert log is not None and log.device == devices[0].peer
    (tmp_path / "worklogs").rename(tmp_path / "moved")
    (tmp_path / "worklogs").write_text("in the way")
    ran = await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache")
    assert ran.code == 0 and "is not kept" in ran.err  # a disk that takes nothing costs only that


async def test_one_run_is_one_document(keys: Keys, tmp_path: Path) -> None:
    document = (await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache", "--json")).json
    assert (document["outcome"], document["ok"], document["remaining"]) == ("fixed", True, [])
    assert document["output"] == [{"stage": "run", "stream": "stdout", "text": "removing\x1b[2J 12 files\n"}]
    assert document["before"][0]["id"] == "disk_full"


async def test_a_finding_gives_its_parameters_and_must_be_gone(
    keys: Keys, devices: list[SimulatedDevice], fixer: Fixer, tmp_path: Path
) -> None:
    ran = await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache", "--finding", "disk_full")
    assert ran.code == 0
    assert (run_of(devices[0]).parameters, run_of(devices[0]).finding) == ({"days": 3}, "disk_full")
    fixer.remains = True
    ran = await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache", "--finding", "disk_full", "--param", "days=9", "--json")
    assert ran.code == 8
    assert ran.json["remaining"] == ["disk_full"]
    fixer.finds = []
    assert (await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache", "--finding", "disk_full")).code == 6


async def test_without_a_named_finding_the_one_it_answers_counts(keys: Keys, fixer: Fixer, tmp_path: Path) -> None:
    fixer.remains = True
    ran = await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache")
    assert ran.code == 8
    assert "Still there: The disk is full" in ran.out


@pytest.mark.parametrize(
    ("outcome", "code"), [("failed", 1), ("timed_out", 1), ("verify_failed", 1), ("undone", 1), ("refused", 5), ("not_needed", 0)]
)
async def test_each_outcome_has_its_code(keys: Keys, fixer: Fixer, tmp_path: Path, outcome: Outcome, code: int) -> None:
    fixer.outcome = outcome
    assert (await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache")).code == code


async def test_what_does_not_fit_is_said_before_anything_runs(keys: Keys, devices: list[SimulatedDevice], tmp_path: Path) -> None:
    assert (await handrail(tmp_path, keys, "fix", "PC 0", "no-such-fix")).code == 6
    assert (await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache", "--param", "hours=1")).code == 2
    assert (await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache", "--param", "days=99")).code == 2
    assert not any(isinstance(message, FixRun) for message in devices[0].received)


async def test_a_group_is_fixed_side_by_side(keys: Keys, devices: list[SimulatedDevice], fixer: Fixer, tmp_path: Path) -> None:
    ran = await handrail(tmp_path, keys, "fix", "--group", "tills", "clean-cache", "--json")
    assert ran.code == 0
    assert ran.lines[-1] == {"summary": {"devices": 2, "fixed": 2, "failed": 0}}
    assert not devices[2].consents
    fixer.remains = True
    ran = await handrail(tmp_path, keys, "fix", "--all", "clean-cache")
    assert ran.code == 8
    assert "3 devices: 2 well, 1 not." in ran.err
    devices[1].denial = RefusalReason.POLICY
    ran = await handrail(tmp_path, keys, "fix", "--all", "clean-cache", "--json")
    assert ran.code == 1
    assert {line["label"] for line in ran.lines if "error" in line} == {"PC 1"}


async def test_a_fix_of_the_third_tier_takes_the_passphrase_again(
    keys: Keys, devices: list[SimulatedDevice], fixer: Fixer, tmp_path: Path
) -> None:
    """Typed long ago, and nobody is there to type it: refused by name, device by device; the others are fixed."""
    fixer.tier = 3
    long_ago = StepUp(tmp_path, proved=False)
    ran = await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache", step_up=long_ago)
    assert ran.code != 0 and "type your passphrase again" in ran.err
    ran = await handrail(tmp_path, keys, "fix", "--group", "tills", "clean-cache", "--json", step_up=long_ago)
    assert ran.code == 1
    assert {line["label"]: "passphrase again" in str(line.get("error", "")) for line in ran.lines if "label" in line} == {
        "PC 0": True,
        "PC 1": False,
    }
    assert not any(isinstance(message, FixRun) for message in devices[0].received)
    assert (await handrail(tmp_path, keys, "fix", "PC 0", "clean-cache", step_up=StepUp(tmp_path, proved=True))).code == 0


def test_parameters_are_pairs() -> None:
    assert parse_parameters(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    for wrong in (["a"], ["=1"], ["a=1", "a=2"]):
        with pytest.raises(click.BadParameter):
            parse_parameters(wrong)


def test_a_verify_that_fails_with_the_finding_there_is_8() -> None:
    result = FixResult(1, "x", "1", "verify_failed", 1)
    assert result_exit_code(result, [FULL]) is ExitCode.FINDING_REMAINS
    assert result_exit_code(result, []) is ExitCode.FAILED
