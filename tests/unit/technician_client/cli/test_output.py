"""Foreign text is inert; results and progress keep apart."""

import io
import json

import pytest

from protocol.errors import RefusalReason, Refused, TrustError
from technician_client.cli.output import Output, age_text, cell_text, error_document, inert


def test_a_terminal_obeys_nothing_and_lines_stay_one() -> None:
    """What else may not be is tested of `protocol.printable`."""
    assert inert("\x1b[31mred\u202e \x9b2J") == "\\x1b[31mred\\u202e \\x9b2J"
    assert inert("one\ntwo\tthree\rfour") == "one two three\\x0dfour"


def test_lines_are_kept_where_text_has_lines() -> None:
    assert inert("a\n\tb\r\x1b[2J", lines=True) == "a\n\tb\\x0d\\x1b[2J"


def output(as_json: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Output(as_json=as_json, stdout=out, stderr=err, colour=False), out, err


def test_results_go_to_stdout_and_progress_to_stderr() -> None:
    said, out, err = output()
    said.text("result \x1b[31m")
    said.raw("piece\x1b[31m")
    said.progress("working\x1b[31m")
    said.warning("careful")
    said.table("Title\x07", ["a[b]"], [["[red]x[/red]"], ["\x1b[2J"]], ["bold", ""])
    assert "\x1b" not in out.getvalue() + err.getvalue()
    assert "result" in out.getvalue()
    assert "[red]x[/red]" in out.getvalue()
    assert "working" in err.getvalue()
    assert "working" not in out.getvalue()
    said.json({"a": 1})
    assert out.getvalue().endswith('{"a":1}\n')


def test_json_mode_says_nothing_else_on_stdout() -> None:
    said, out, err = output(as_json=True)
    said.text("words")
    said.raw("words")
    said.table("t", ["a"], [["b"]])
    said.progress("working")
    said.json({"label": "\x1b[31m"})
    assert out.getvalue() == '{"label":"\\u001b[31m"}\n'
    assert "working" in err.getvalue()


def test_errors_are_words_and_in_json_mode_a_document_too() -> None:
    said, out, err = output()
    said.error(TrustError("it is \x1b[31msomebody else"))
    assert out.getvalue() == ""
    assert "\x1b" not in err.getvalue()
    said, out, err = output(as_json=True)
    said.error(Refused("no", reason=RefusalReason.POLICY))
    assert json.loads(out.getvalue()) == {"error": {"kind": "Refused", "text": "no", "reason": "policy"}, "exit_code": 5}
    assert error_document(TrustError("x")) == {"kind": "TrustError", "text": "x"}


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = io.StringIO()
    Output(stdout=out, stderr=out).text("hello", style="red")
    assert "\x1b[31m" not in out.getvalue()


@pytest.mark.parametrize(
    ("cell", "text"), [(None, ""), (True, "yes"), (False, "no"), (1.50, "1.5"), (2.0, "2"), (3, "3"), ("x", "x")]
)
def test_cells_are_readable(cell: object, text: str) -> None:
    assert cell_text(cell) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "now"), (59, "59 s ago"), (61, "1 min ago"), (7300, "2 h ago"), (200000, "2 d ago")]
)
def test_ages_are_readable(seconds: float, text: str) -> None:
    assert age_text(seconds) == text
