"""A technician runs a fix: refused, asked for, run, proved, cancelled."""

import os
from pathlib import Path
from typing import Any

import pytest

from agent.features.base import Question
from agent.features.fixes import LOCK, FixesFeature, one_at_a_time
from agent.settings import AgentSettings, FixesSettings
from agent.trusted_state import VerifiedScript
from protocol.capabilities import Capability
from protocol.documents import GroupPolicy
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.messages import decode_message, encode_message
from protocol.messages.fixes import FixCancel, FixCatalogue, FixList, FixOutput, FixParameter, FixResult, FixRun, FixStage
from tests.kit.feature_context import RecordingContext, ScriptShelf
from tests.kit.scripts import living, pids_in, shell_script
from tests.kit.waiting import eventually_async


def prepare(context: RecordingContext, tmp_path: Path, text: str = "echo ran >> $HOME/log", **fields: object) -> FixesFeature:
    context.trust = ScriptShelf([shell_script(tmp_path, text, **{"consent": "policy", **fields})])  # type: ignore[arg-type]
    context.rules = GroupPolicy(consent_for_fixes=False)
    return FixesFeature(context)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory of the test's own for the scripts and for the probes."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def shelved(context: RecordingContext) -> VerifiedScript:
    (script,) = context.trust.scripts()
    return script


def order(context: RecordingContext, **fields: Any) -> FixRun:
    """To run what is on the shelf, as the technician has just seen it there."""
    return FixRun(**{"request": 1, "id": "test-fix", "digest": shelved(context).digest} | fields)


async def run(context: RecordingContext, feature: FixesFeature, message: FixRun) -> FixResult:
    await feature.handle(message)
    result = await context.next(FixResult)
    await context.close(feature)
    assert decode_message(encode_message(result)) == result
    return result


async def test_the_catalogue_says_what_can_run_and_why_not(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path, tier=1)
    scripts = [
        shell_script(tmp_path, "exit 0", id="open-to-all", answers=["trash_large"], effects=["does nothing"]),
        shell_script(tmp_path, "exit 0", id="for-seniors", min_tier=3),
    ]
    context.trust = ScriptShelf(scripts)
    feature = FixesFeature(context)
    await feature.handle(FixList(request=5))
    catalogue = await context.next(FixCatalogue)
    await context.close(feature)
    assert [(entry.id, entry.available) for entry in catalogue.fixes] == [("open-to-all", True), ("for-seniors", False)]
    assert catalogue.request == 5 and "tier 3" in catalogue.fixes[1].why_not and catalogue.fixes[0].answers == ["trash_large"]


async def test_a_run_from_start_to_proof(tmp_path: Path) -> None:
    """The whole story with a real finding: an SSH key open to others, mended by a real script."""
    (tmp_path / ".ssh").mkdir(mode=0o700)
    key = tmp_path / ".ssh" / "id_test"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    key.chmod(0o644)
    context = RecordingContext(tmp_path)
    text = """
    loose() { [ -n "$(find "$HOME/.ssh" -name 'id_*' -perm /077)" ]; }
    case $1 in
      detect) loose || exit 1 ;;
      run) chmod 600 "$HOME"/.ssh/id_* && echo mended ;;
      verify) ! loose ;;
    esac
    """
    feature = prepare(context, tmp_path, text, steps=("detect", "run", "verify"), answers=["ssh_permissions_loose"])
    result = await run(context, feature, order(context, request=9, finding="ssh_permissions_loose"))
    assert (result.outcome, result.exit_code, result.version) == ("fixed", 0, "1")
    assert result.digest == shelved(context).digest
    assert [finding.id for finding in result.before] == ["ssh_permissions_loose"] and result.after == []
    assert key.stat().st_mode & 0o777 == 0o600
    stages = [stage.stage for stage in context.of(FixStage)]
    assert stages == ["verify_signature", "findings", "detect", "run", "verify", "findings"]
    assert [(output.stage, output.text) for output in context.of(FixOutput)] == [("run", "mended\n")]
    assert [action for action, _ in context.audited] == ["fix started", "fix ended"]
    assert {detail["digest"] for _, detail in context.audited} == {result.digest}
    assert context.asked == []


@pytest.mark.parametrize(("consent", "by_policy"), [("ask", False), ("policy", True)])
async def test_the_person_is_asked_where_manifest_or_policy_want_it(tmp_path: Path, consent: str, by_policy: bool) -> None:
    context = RecordingContext(tmp_path, answer=True)
    feature = prepare(
        context, tmp_path, consent=consent, effects=["Removes old files."], title="Tidy up", description="One\nline."
    )
    context.rules = GroupPolicy(consent_for_fixes=by_policy)
    assert (await run(context, feature, order(context))).outcome == "done"
    (question,) = context.asked
    assert question.text == "One line."
    assert "Tidy up" in question.title and "Removes old files." in question.details


async def test_no_means_no(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path, answer=False)
    feature = prepare(context, tmp_path, consent="ask")
    result = await run(context, feature, order(context))
    assert (result.outcome, result.reason) == ("refused", RefusalReason.DENIED_BY_USER)
    assert not (tmp_path / "log").exists() and context.audited == []


async def test_cancelled_while_the_question_stands(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path, answer=None)
    feature = prepare(context, tmp_path, consent="ask")
    await feature.handle(order(context))
    await eventually_async(lambda: context.asked, "the question")
    await feature.handle(FixCancel(request=1))
    result = await context.next(FixResult)
    await context.close(feature)
    assert (result.outcome, result.reason) == ("refused", RefusalReason.NO_ANSWER)
    assert not (tmp_path / "log").exists()


async def test_unattended_runs_by_policy_and_never_without_a_consent_that_is_asked_for(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path, unattended=True, answer=None)
    feature = prepare(context, tmp_path)
    context.rules = GroupPolicy(consent_for_fixes=True)
    assert (await run(context, feature, order(context))).outcome == "done"
    assert context.asked == []
    context = RecordingContext(tmp_path, unattended=True, answer=False)
    feature = prepare(context, tmp_path, consent="ask")
    result = await run(context, feature, order(context))
    assert (result.outcome, result.reason) == ("refused", RefusalReason.NOBODY_TO_ASK)
    context = RecordingContext(tmp_path, unattended=True, answer=True)
    feature = prepare(context, tmp_path, consent="ask")
    assert (await run(context, feature, order(context))).outcome == "done"


async def test_taken_back_while_the_question_stood(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    context.held.discard(Capability.FIXES)
    feature = prepare(context, tmp_path, consent="ask")
    result = await run(context, feature, order(context))
    assert (result.outcome, result.reason) == ("refused", RefusalReason.NOT_GRANTED)


@pytest.mark.parametrize(
    ("fields", "wish", "reason"),
    [
        ({"min_tier": 3}, {}, RefusalReason.TIER_TOO_LOW),
        ({}, {"id": "other"}, RefusalReason.NOT_FOUND),
        ({}, {"parameters": {"x": 1}}, RefusalReason.INVALID),
        ({"os": ["macos"]}, {}, RefusalReason.UNSUPPORTED),
        ({}, {"digest": "3f" * 32}, RefusalReason.CHANGED),
        ({"min_tier": 3}, {"digest": "3f" * 32}, RefusalReason.CHANGED),
        ({}, {"digest": ""}, RefusalReason.VERSION),
    ],
)
async def test_refused_by_name(tmp_path: Path, fields: dict[str, object], wish: dict[str, object], reason: RefusalReason) -> None:
    context = RecordingContext(tmp_path, tier=2)
    feature = prepare(context, tmp_path, **fields)
    result = await run(context, feature, order(context, **wish))
    assert (result.outcome, result.reason, context.audited) == ("refused", reason, [])
    assert result.text and not (tmp_path / "log").exists()


async def test_root_only_scripts_need_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    context = RecordingContext(tmp_path)
    feature = prepare(context, tmp_path, run_as="root")
    result = await run(context, feature, order(context))
    assert (result.outcome, result.reason) == ("refused", RefusalReason.NEEDS_ROOT)


async def test_turned_off_in_the_settings(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    context.settings = AgentSettings(home=tmp_path, fixes=FixesSettings(enabled=False))
    feature = prepare(context, tmp_path)
    result = await run(context, feature, order(context))
    assert (result.outcome, result.reason) == ("refused", RefusalReason.POLICY)


async def test_changed_bytes_are_untrusted(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = prepare(context, tmp_path)
    for stored in (tmp_path / "objects").iterdir():
        stored.write_text("echo evil")
    result = await run(context, feature, order(context))
    assert (result.outcome, result.reason) == ("refused", RefusalReason.UNTRUSTED)


async def test_one_fix_at_a_time_on_the_machine(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    feature = prepare(context, tmp_path)
    with one_at_a_time(tmp_path / LOCK):
        result = await run(context, feature, order(context))
    assert (result.outcome, result.reason) == ("refused", RefusalReason.BUSY)
    with one_at_a_time(tmp_path / LOCK), pytest.raises(Refused, match="Another fix is running"), one_at_a_time(tmp_path / LOCK):
        raise AssertionError("two at a time")
    with pytest.raises(Unavailable, match="cannot be made"), one_at_a_time(tmp_path / "missing" / LOCK):
        raise AssertionError("no lock")


@pytest.mark.parametrize("by_revoking", [False, True])
async def test_stopping_a_run(tmp_path: Path, by_revoking: bool) -> None:
    context = RecordingContext(tmp_path)
    stubborn = f"echo $$ > {tmp_path}/pids; trap '' TERM; while :; do sleep 0.05; done"
    text = f"case $1 in run) {stubborn} ;; undo) touch {tmp_path}/undone ;; esac"
    feature = prepare(context, tmp_path, text, steps=("run", "undo"))
    await feature.handle(order(context, request=3))
    (pid,) = await eventually_async(lambda: pids_in(tmp_path / "pids"), "the script's number")
    if by_revoking:
        feature.capability_lost(Capability.FIXES)
    else:
        await feature.handle(FixCancel(request=3))
    result = await context.next(FixResult)
    await context.close(feature)
    assert result.outcome == "cancelled" and "was undone" in result.text
    assert not living(pid) and (tmp_path / "undone").exists()
    with pytest.raises(Refused, match="No fix runs"):
        await feature.handle(FixCancel(request=3))


async def test_the_session_ends_in_the_middle(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    text = f"case $1 in run) echo $$ > {tmp_path}/pids; exec sleep 300 ;; undo) touch {tmp_path}/undone ;; esac"
    feature = prepare(context, tmp_path, text, steps=("run", "undo"))
    await feature.handle(order(context, request=3))
    (pid,) = await eventually_async(lambda: pids_in(tmp_path / "pids"), "the script's number")
    await context.close(feature)
    assert not living(pid) and (tmp_path / "undone").exists()
    assert context.audited[-1] == (
        "fix ended",
        {"id": "test-fix", "version": "1", "digest": shelved(context).digest, "outcome": "cancelled"},
    )
    with one_at_a_time(tmp_path / LOCK):
        pass


async def test_without_an_audit_record_nothing_runs(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    context.audit_is_full = True
    feature = prepare(context, tmp_path)
    result = await run(context, feature, order(context))
    assert result.outcome == "failed" and "audit record" in result.text
    assert not (tmp_path / "log").exists()


async def test_a_request_number_in_use(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path, answer=None)
    feature = prepare(context, tmp_path, consent="ask")
    await feature.handle(order(context))
    with pytest.raises(Refused, match="in use"):
        await feature.handle(order(context))
    await context.close(feature)


async def test_parameters_reach_the_script_and_the_record(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    parameters = [FixParameter(name="days", kind="int", low=1, high=9)]
    feature = prepare(context, tmp_path, 'echo "$2" > "$HOME/log"', arguments=("{days}",), parameters=parameters)
    assert (await run(context, feature, order(context, parameters={"days": 7}))).outcome == "done"
    assert (tmp_path / "log").read_text() == "7\n"
    assert context.audited[0][1]["parameters"] == "days=7"


@pytest.mark.parametrize("gone", [False, True])
async def test_what_was_approved_while_the_person_was_asked_is_not_run_either(tmp_path: Path, gone: bool) -> None:
    """The person agreed to what the technician had looked at, and meanwhile that is approved no longer."""
    context = RecordingContext(tmp_path)
    feature = prepare(context, tmp_path, consent="ask")
    newer = shell_script(tmp_path, "echo newer >> $HOME/log", version="2", consent="ask")

    async def agree(question: Question) -> bool:
        context.asked.append(question)
        context.trust.shelf[:] = [] if gone else [newer]
        return True

    context.ask_user = agree  # type: ignore[method-assign]
    result = await run(context, feature, order(context))
    assert len(context.asked) == 1 and context.audited == [] and not (tmp_path / "log").exists()
    if gone:
        assert (result.outcome, result.reason) == ("refused", RefusalReason.NOT_FOUND)
    else:
        assert (result.reason, result.version, result.digest) == (RefusalReason.CHANGED, "2", newer.digest)
        assert "changed since you looked at it" in result.text
