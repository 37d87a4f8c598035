"""What is told about the organisation's rules is what decides here."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.allowed import AllowedHere
from agent.policy import SessionKind
from agent.rulebook import allowed_here
from protocol.capabilities import Capability
from protocol.documents import GroupPolicy
from tests.kit.assisted import Device, SignedFiles
from tests.kit.organisation import Organisation
from tests.kit.scripts import shell_script
from tests.unit.agent.test_opening import door

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FIXES, VIEW, RECORDING = Capability.FIXES, Capability.VIEW, Capability.RECORDING


class Files(SignedFiles):
    """Signed files with two fixes."""

    def __init__(self, organisation: Organisation, directory: Path, rules: GroupPolicy | None) -> None:
        super().__init__(organisation.technician(), groups={"front": rules} if rules else None)
        self.made = [
            shell_script(directory, "exit 0", id="tidy", title="Tidy up", consent="policy"),
            shell_script(directory, "exit 0", id="mend", title="Mend", run_as="root"),
        ]

    def scripts(self) -> list[object]:
        return list(self.made)


def told(
    tmp_path: Path, rules: GroupPolicy | None = None, *, guest: bool = False, fixes_on: bool = True, unreadable: str = ""
) -> AllowedHere:
    organisation = Organisation()
    files = Files(organisation, tmp_path, rules)
    files.unreadable = unreadable
    return allowed_here(files, Device(organisation, organisation.device()), NOW, fixes_on=fixes_on, guest=guest)  # type: ignore[arg-type]


def test_rules_people_and_fixes(tmp_path: Path) -> None:
    rules = GroupPolicy(unattended=[FIXES], grant_seconds=600.0, recording="required", hide_windows=["*keepass*"])
    found = told(tmp_path, rules)
    assert (found.organisation, found.group, found.age, found.listed) == ("Example Ltd", "front", 60.0, 1)
    assert [(one.name, one.tier) for one in found.technicians] == [("Ana Ruiz", 3)]
    assert found.on_request == list(Capability)
    assert (found.unattended, found.grant_seconds, found.recording, found.hidden_windows) == ([FIXES], 600.0, "required", 1)
    assert [(one.id, one.asks, one.as_root) for one in found.fixes] == [("tidy", "attended", False), ("mend", "always", True)]


def test_a_policy_that_waives_the_question_waives_no_manifest(tmp_path: Path) -> None:
    found = told(tmp_path, GroupPolicy(consent_for_fixes=False), fixes_on=False)
    assert [one.asks for one in found.fixes] == ["never", "always"]
    assert not found.fixes_on


def test_a_guest_is_told_what_holds_for_guests(tmp_path: Path) -> None:
    found = told(tmp_path, GroupPolicy(unattended=[FIXES]), guest=True)
    assert (found.unattended, found.fixes, found.fixes_on) == ([], [], False)
    assert VIEW in found.on_request and FIXES not in found.on_request


def test_nothing_is_said_before_the_files_have_come(tmp_path: Path) -> None:
    organisation = Organisation()
    files = SignedFiles()
    files.seconds = None
    found = allowed_here(files, Device(organisation, organisation.device()), NOW, fixes_on=True)  # type: ignore[arg-type]
    assert (found.age, found.on_request, found.technicians) == (None, [], [])


@pytest.mark.parametrize(
    "rules",
    [GroupPolicy(), GroupPolicy(attended=[VIEW]), GroupPolicy(recording="forbidden"), GroupPolicy(unattended=[VIEW, FIXES])],
)
def test_it_says_what_the_policy_decides(tmp_path: Path, rules: GroupPolicy) -> None:
    found, gate = told(tmp_path, rules), door(tmp_path, rules=rules).gate
    for capability in (VIEW, RECORDING, Capability.CHAT, Capability.TERMINAL):
        with_consent = gate.decide(capability, SessionKind.ATTENDED).allowed
        assert with_consent is (capability in found.on_request), capability
        alone = gate.decide(capability, SessionKind.UNATTENDED).allowed
        assert alone is (capability in found.unattended), capability


def test_while_newer_rules_cannot_be_read_here_less_is_allowed(tmp_path: Path) -> None:
    found = told(tmp_path, GroupPolicy(unattended=[FIXES]), unreadable="3.1")
    assert found.unattended == []
    assert Capability.CONTROL in found.on_request
    assert not {FIXES, Capability.TERMINAL, Capability.FILES_IN, Capability.FORWARD} & set(found.on_request)
