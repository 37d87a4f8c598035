"""Commands that only talk to a daemon load nothing of one. (What a daemon does is proven where commands run one.)"""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.serving import enrol_here, make_daemon
from agent.settings import AgentSettings
from protocol.errors import HandrailError

HEAVY = {"numpy", "av", "tuf", "websockets", "psutil", "agent.daemon", "agent.features.registry"}


def wall() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def loaded(statement: str) -> set[str]:
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return set(json.loads(done.stdout))


def test_a_conversation_loads_nothing_that_only_a_daemon_needs() -> None:
    assert not loaded("import agent.cli") & HEAVY
    assert loaded("import agent.serving") >= HEAVY


def test_a_computer_that_is_not_enrolled_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(HandrailError, match="no organisation yet"):
        make_daemon(AgentSettings(home=tmp_path), wall)


def test_what_is_no_bundle_enrols_nothing(tmp_path: Path) -> None:
    bundle = tmp_path / "devices.handrail"
    bundle.write_text("{}")
    told: list[str] = []
    with pytest.raises(HandrailError):
        enrol_here(AgentSettings(home=tmp_path / "home"), bundle, "", wall, told.append, new_keys=False)
    assert not told
