"""A restart is asked for, written down, and only then ordered."""

import os
from pathlib import Path

import pytest

from agent.features.power import PowerFeature
from protocol.errors import RefusalReason, Refused
from protocol.messages.power import RebootRequest, RebootState
from tests.kit.feature_context import RecordingContext
from tests.kit.waiting import eventually_async


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands on PATH in place of the system's; the file it writes says that it was called."""
    file = tmp_path / "systemctl"
    file.write_text(f"#!/bin/sh\necho called > {tmp_path}/called\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "called"


async def test_the_person_says_yes_and_it_restarts(tmp_path: Path, systemctl: Path) -> None:
    context = RecordingContext(tmp_path)
    context.comes_back = 900.0
    feature = PowerFeature(context)
    await feature.handle(RebootRequest(3, "the update"))
    await eventually_async(lambda: len(context.sent) == 2, "both stages")
    assert context.sent == [RebootState(3, "asking"), RebootState(3, "restarting", 900.0)]
    assert systemctl.exists()
    assert context.audited == [("restart ordered", {"reason": "the update"})]
    (question,) = context.asked
    assert "the update" in question.details[0]
    assert "15 minutes" in question.details[1]
    await context.close(feature)


async def test_the_person_says_no(tmp_path: Path, systemctl: Path) -> None:
    context = RecordingContext(tmp_path, answer=False)
    feature = PowerFeature(context)
    await feature.handle(RebootRequest(3))
    await eventually_async(lambda: context.refused, "the refusal")
    assert context.refused[0][1] is RefusalReason.DENIED_BY_USER
    assert not systemctl.exists()
    assert context.audited == []
    await context.close(feature)


async def test_where_policy_opened_the_session_nobody_is_asked(tmp_path: Path, systemctl: Path) -> None:
    context = RecordingContext(tmp_path, unattended=True)
    feature = PowerFeature(context)
    await feature.handle(RebootRequest(3))
    await eventually_async(lambda: context.sent, "the answer")
    assert context.sent == [RebootState(3, "restarting", 0.0)]
    assert context.asked == []
    await context.close(feature)


async def test_one_at_a_time_and_nothing_without_a_record(tmp_path: Path, systemctl: Path) -> None:
    context = RecordingContext(tmp_path, answer=None)
    feature = PowerFeature(context)
    await feature.handle(RebootRequest(3))
    with pytest.raises(Refused) as caught:
        await feature.handle(RebootRequest(4))
    assert caught.value.reason is RefusalReason.BUSY
    await context.close(feature)
    full = RecordingContext(tmp_path, unattended=True)
    full.audit_is_full = True
    again = PowerFeature(full)
    await again.handle(RebootRequest(5))
    await eventually_async(lambda: full.refused, "the refusal")
    assert not systemctl.exists()
    await full.close(again)
