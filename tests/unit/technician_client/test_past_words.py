"""A past session in words; nothing that a device or a person wrote is markup."""

import re
import tomllib
from pathlib import Path

import pytest

from protocol.audit import Record
from technician_client.past import PastSession, past_session
from technician_client.past_words import ACTIONS, event_words, facts, fix_words, to_html, to_markdown
from technician_client.worklog import FixDone
from tests.kit.past import CUT, RECORDING, SESSION, keep_two_sessions


@pytest.fixture
def past(tmp_path: Path) -> PastSession:
    return past_session(keep_two_sessions(tmp_path), SESSION)


def test_every_action_that_agents_write_has_words_or_is_shown_as_written(past: PastSession) -> None:
    words = [event_words(record) for record in past.records]
    assert words[0] == "The session opened with: view, control"
    assert words[2] == "Fix free-disk-space 1.2 ended: fixed"
    assert words[5] == "something newer: colour blue"
    agents = " ".join(path.read_text() for path in Path("agent").rglob("*.py"))
    for action in ACTIONS:
        assert f'"{action}"' in agents


def test_every_action_that_a_person_reads_at_the_device_has_words_here_too() -> None:
    words = Path("agent/desktop/words/en.toml")
    actions = {name.replace("_", " ") for name in tomllib.loads(words.read_text("utf-8"))["did"]}
    assert len(actions) > 20
    assert actions <= set(ACTIONS)


def test_details_of_another_version_are_shown_as_written() -> None:
    assert event_words(Record(1, 0.0, "s", "file sent", {"name": "x\x1b[2J"})) == "file sent: name x [2J"
    assert event_words(Record(1, 0.0, "s", "file sent", {"path": "{path}"})) == "File taken from there: {path}"


def test_a_fix_says_what_it_changed() -> None:
    done = FixDone("f", "1", "verify_failed", 0.0, ["a", "b"], ["b", "c"])
    assert fix_words(done) == ("f 1", "ran, but did not help", "solved: a; still there: b; new: c")
    assert fix_words(FixDone("f", "1", "done", 0.0))[2] == "no finding changed"
    assert fix_words(FixDone("f", "1", "done", 0.0, digest="3f" * 32))[0] == "f 1 (digest 3f3f3f3f3f3f)"


def test_markdown_has_everything_and_no_foreign_markup(past: PastSession) -> None:
    text = to_markdown(past)
    assert text.startswith("# Session with Reception PC\n")
    assert "- **Reason:** the disk is full" in text
    assert f"- **Recordings:** {RECORDING}" in text
    assert "> Tray 2 was empty.\n> He will order paper." in text
    assert "| free-disk-space 1.2 | fixed | solved: The disk is nearly full; still there: 12 updates wait |" in text
    assert f"| put there | Documents/report.odt | 20480 | {'ab' * 32} |" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert re.search(r"(?<!\\)<img", text) is None
    assert re.search(r"(?<!\\)\*\*bold", text) is None
    rows = [line for line in text.splitlines() if line.startswith("| taken")]
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 5


def test_html_is_one_inert_file(past: PastSession) -> None:
    text = to_html(past)
    assert "<img" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    assert "<script" not in text
    assert not re.search(r'(src|href)="', text)
    assert "\u202e" not in text
    for words in ("Notes", "Fixes", "Files", "What happened", RECORDING, "order paper"):
        assert words in text


def test_a_session_that_was_cut_says_what_is_missing(tmp_path: Path) -> None:
    past = past_session(keep_two_sessions(tmp_path), CUT)
    assert ("Signed", "no checkpoint came with it") in facts(past)
    text = to_markdown(past)
    assert "The line was cut." in text
    assert "## Fixes" not in text
    assert "What happened" not in to_html(past)
