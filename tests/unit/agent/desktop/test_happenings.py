"""What technicians do, a line each: in words, counted, bounded, and inert."""

import ast
from pathlib import Path

import pytest

import agent
from agent.desktop.happenings import MOST_KEPT, SAME_SECONDS, UNTOLD, Happenings, line_of, words_of
from agent.desktop.texts import LANGUAGES, Texts
from agent.receipts import ReceiptEvent

AGENT = Path(agent.__file__).parent


def event(action: str, at: float = 100.0, **detail: str | int | bool) -> ReceiptEvent:
    return ReceiptEvent(at, action, detail)


def told(*events: ReceiptEvent, name: str = "Ana Ruiz", language: str = "en") -> list[str]:
    happenings = Happenings()
    for one in events:
        happenings.hear(one)
    return [words_of(one, name, Texts(language)) for one in happenings.kept]


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (event("file sent", path="Documents/report.pdf", size=3), "Ana Ruiz took report.pdf"),
        (event("file asked for", path="report.pdf", size=3), "Ana Ruiz is taking report.pdf"),
        (event("file received", path="Downloads/a.zip", size=3), "Ana Ruiz put a.zip into Downloads"),
        (event("file received", path="a.zip", size=3), "Ana Ruiz put a.zip into your home folder"),
        (event("clipboard read", kind="text", size=3), "Ana Ruiz read your clipboard"),
        (event("clipboard written", kind="text", size=3), "Ana Ruiz put something on your clipboard"),
        (event("terminal opened", terminal=1, user="maria", command="login shell"), "Ana Ruiz opened a terminal as maria"),
        (event("forward opened", to="127.0.0.1:5432"), "Ana Ruiz connected to a service of this computer: 127.0.0.1:5432"),
        (event("recording started"), "Ana Ruiz records this session from now on"),
        (event("capability granted", capability="files_out"), "Ana Ruiz can now take files from this computer"),
        (
            event("fix ended", id="clean", version="3", outcome="fixed"),
            "The fix clean of Ana Ruiz ended: it worked, and that was",
        ),
        (event("levitated", height=3), "Ana Ruiz: levitated"),
        (event("terminal opened", by="another version"), "Ana Ruiz: terminal opened"),
    ],
)
def test_each_is_said_in_plain_words(one: ReceiptEvent, words: str) -> None:
    (line,) = told(one)
    assert line.startswith(words)


def test_many_of_a_kind_are_one_line_that_counts() -> None:
    files = [event("file received", 100.0 + at, path=f"Downloads/{at}.txt", size=1) for at in range(3)]
    assert told(*files) == ["Ana Ruiz put 3 files into Downloads, the last one 2.txt"]
    assert told(*files, language="de") == ["Ana Ruiz hat 3 Dateien abgelegt, in Downloads, zuletzt 2.txt"]
    assert len(told(*files, event("file received", 103.0, path="Music/x", size=1))) == 2, "another folder"
    late = event("file received", 102.0 + SAME_SECONDS + 1, path="Downloads/late", size=1)
    assert len(told(*files, late)) == 2
    assert len(told(event("terminal opened", user="a"), event("terminal opened", user="a"))) == 2, "each one is told"


def test_a_file_that_was_taken_whole_is_said_once() -> None:
    asked, other = event("file asked for", path="a", size=1), event("file asked for", path="b", size=1)
    assert told(asked, other, event("file sent", path="a", size=1)) == ["Ana Ruiz is taking b", "Ana Ruiz took a"]


def test_only_the_newest_are_kept_and_all_are_counted() -> None:
    happenings = Happenings()
    for at in range(MOST_KEPT + 5):
        happenings.hear(event("terminal opened", float(at), user=f"user{at}"))
    assert len(happenings.kept) == MOST_KEPT
    assert happenings.heard == MOST_KEPT + 5
    assert happenings.kept[-1].detail["user"] == f"user{MOST_KEPT + 4}"
    assert happenings.hear(event("session ended", reason="x")) is None


def test_what_comes_from_elsewhere_is_inert_and_short() -> None:
    (line,) = told(event("file sent", path="a\u202e\x1b[2J{name}" + "x" * 500, size=1), name="A\x07na" + "y" * 500)
    assert "\x1b" not in line and "\u202e" not in line and "\x07" not in line
    assert "{name}" in line
    assert len(line) < 200


def test_a_line_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    happenings = Happenings()
    happening = happenings.hear(event("clipboard read", 0.0))
    assert happening is not None
    line = line_of(happening, "Ana", Texts("en"))
    assert line[2] == ":" and line.endswith("  Ana read your clipboard")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_record_of_a_session_is_told_or_needs_no_telling(language: str) -> None:
    texts, actions = Texts(language), set()
    for path in AGENT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
            if called in ("audit", "_audit", "write_anyway") and node.args and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
                actions.add(str(node.args[0].value).replace(" ", "_"))  # type: ignore[attr-defined]
    missing = {one for one in actions if not texts.has(f"now.{one}")} - UNTOLD
    assert len(actions) > 18
    assert missing <= {"audit_chain_is_shorter_than_its_witness_says"}, "nothing that is done to the person"
