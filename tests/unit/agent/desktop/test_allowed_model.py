"""The organisation's rules in words."""

import pytest

from agent.allowed import AllowedHere, ApprovedFix, ListedTechnician
from agent.desktop.allowed_model import NAMES_SHOWN, Rules, rules_of
from agent.desktop.texts import LANGUAGES, Texts
from protocol.capabilities import Capability

VIEW, CONTROL = Capability.VIEW, Capability.CONTROL


def allowed(**changes: object) -> AllowedHere:
    values: dict[str, object] = {
        "organisation": "Example Ltd",
        "group": "front",
        "age": 3 * 3600.0,
        "listed": 1,
        "technicians": [ListedTechnician("Ana Ruiz", 2)],
        "on_request": [VIEW, CONTROL],
        "grant_seconds": 28800.0,
        "fixes": [ApprovedFix("tidy", "1", "Tidy up", "attended", False), ApprovedFix("mend", "1", "Mend", "always", True)],
        **changes,
    }
    return AllowedHere(**values)  # type: ignore[arg-type]


def lines(shown: Rules) -> list[str]:
    return [line for one in shown.sections for line in (one.heading, one.first, *one.points, *one.more)]


def test_where_nothing_goes_without_asking(texts: Texts) -> None:
    shown = rules_of(allowed(), texts)
    assert "Example Ltd" in shown.about and "front" in shown.about
    assert shown.age == "Signed 3 h ago."
    said = lines(shown)
    for words in (
        "1 technician on the signed list:",
        "Ana Ruiz (tier 2)",
        "see your screen",
        "Nothing. Without your yes nobody can do anything on this computer.",
        "What you allow ends by itself after 8 h at the latest.",
        "Mend (you are asked before it runs), as the administrator",
        "Tidy up (you are asked, unless nobody had to be asked for the session)",
    ):
        assert words in said


def test_what_needs_nobody_is_named(texts: Texts) -> None:
    said = lines(rules_of(allowed(unattended=[VIEW], recording="required", files_folders=["Documents"]), texts))
    assert "While you are logged in you are asked even then." in said
    assert "Sessions are recorded: technicians must ask you for it before they see the screen." in said
    assert any("Documents" in one for one in said)
    assert "While you are logged in you are asked even then." not in lines(
        rules_of(allowed(unattended=[VIEW], ask_when_present=False), texts)
    )


def test_many_technicians_are_counted(texts: Texts) -> None:
    names = [ListedTechnician(f"T{number}", 1) for number in range(NAMES_SHOWN + 3)]
    said = lines(rules_of(allowed(technicians=names, listed=500), texts))
    assert "500 technicians on the signed list:" in said
    assert f"and {500 - NAMES_SHOWN} more" in said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("recording", ["allowed", "required", "forbidden"])
def test_every_case_has_words(language: str, recording: str) -> None:
    words = Texts(language)
    shown = [
        allowed(recording=recording, keep_transcripts=True, hidden_windows=2, age=90.0),
        allowed(on_request=[], technicians=[], listed=0, fixes=[], age=9e6),
        allowed(fixes_on=False, fixes=[ApprovedFix("a", "1", "A", "never", False)]),
        allowed(fixes=[ApprovedFix("a", "1", "A", "never", False)]),
    ]
    for one in shown:
        assert all(isinstance(line, str) for line in lines(rules_of(one, words)))
    unknown = rules_of(AllowedHere("Example Ltd", "front", None), words)
    assert unknown.sections == () and "Example Ltd" in unknown.about


def test_names_from_elsewhere_are_harmless(texts: Texts) -> None:
    said = lines(rules_of(allowed(technicians=[ListedTechnician("Ana\u202e\nRuiz", 1)]), texts))
    assert not any("\u202e" in one or "\n" in one for one in said)
