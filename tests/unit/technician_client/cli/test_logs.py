"""`handrail logs`: lines as they are shown, and what the command asks for."""

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.messages.logs import LogEnded, LogFollow, LogLine, LogLines
from technician_client.cli import logs
from technician_client.cli.app import App
from technician_client.cli.output import Output


def test_a_line_is_shown_inert_and_as_json() -> None:
    evil = LogLine(1795262400.0, 3, "ssh.service", "evil \x1b]0;x\x07 text")
    out = io.StringIO()
    logs.show_line(Output(stdout=out, colour=False), evil)
    assert "ssh.service: evil \\x1b]0;x\\x07 text" in out.getvalue()
    as_json = io.StringIO()
    logs.show_line(Output(as_json=True, stdout=as_json), evil)
    assert json.loads(as_json.getvalue())["priority"] == 3


class Cut:
    """A session that says what it is told to, and is then cut."""

    def __init__(self, *lines: LogLine, ends: bool = False) -> None:
        self.items: list[object] = [LogLines(1, [line]) for line in lines] + ([LogEnded(1)] if ends else [])

    def subscribe(self, *_types: object) -> "Cut":
        return self

    def __enter__(self) -> "Cut":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def send(self, wish: LogFollow) -> None:
        self.items = [item for item in self.items if wish.lines or not isinstance(item, LogLines)]

    async def __aiter__(self) -> AsyncIterator[object]:
        for item in self.items:
            yield item


async def told(wish: LogFollow, *sessions: Cut) -> tuple[list[str], str]:
    """What is printed of sessions that follow one another, and what is warned of."""
    out, errors = io.StringIO(), io.StringIO()
    output = Output(as_json=True, stdout=out, stderr=errors)
    shown = logs.Shown()
    for number, session in enumerate(sessions):
        wish = shown.again(wish, output) if number else wish
        await logs.follow(session, wish, output, shown)  # type: ignore[arg-type]
    return [json.loads(line)["text"] for line in out.getvalue().splitlines()], errors.getvalue()


def line(at: float, text: str) -> LogLine:
    return LogLine(at, 6, "", text)


async def test_what_came_during_a_cut_is_shown_afterwards_and_nothing_twice() -> None:
    old = [line(10.0, "before"), line(11.0, "a"), line(12.0, "b"), line(12.0, "b")]
    came = [line(12.0, "b"), line(12.0, "c"), line(13.0, "d"), line(11.5, "the clock was set back")]
    printed, warned = await told(LogFollow(1, lines=3), Cut(*old[1:]), Cut(*old, *came))
    assert printed == ["a", "b", "b", "b", "c", "d", "the clock was set back"]
    assert warned == ""


async def test_where_the_cut_cannot_be_bridged_it_is_said() -> None:
    printed, warned = await told(LogFollow(1), Cut(line(10.0, "a")), Cut(*(line(20.0, str(n)) for n in range(3))))
    assert printed == ["a", "0", "1", "2"] and warned.count("may be missing") == 1
    printed, warned = await told(LogFollow(1), Cut(line(0.0, "no time")), Cut(line(0.0, "no time"), line(0.0, "new")))
    assert printed == ["no time"] and "are not shown" in warned
    printed, warned = await told(LogFollow(1), Cut(), Cut(line(0.0, "a"), line(0.0, "a")))
    assert printed == ["a", "a"] and warned == ""


async def test_a_listing_that_was_cut_is_finished() -> None:
    lines = [line(float(at), str(at)) for at in range(1, 6)]
    printed, warned = await told(LogFollow(1, lines=5, follow=False), Cut(*lines[:2]), Cut(*lines, ends=True))
    assert printed == ["1", "2", "3", "4", "5"] and warned == ""


def test_words_become_a_wish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[object] = []

    async def read_log(_app: App, words: str, _reason: str, wish: LogFollow, list_only: bool) -> int:
        asked.append((words, wish, list_only))
        return 0

    monkeypatch.setattr(logs, "read_log", read_log)
    arguments = ["till-3", "-f", "-u", "ssh.service", "-p", "warning", "--grep", "usb", "-n", "5"]
    with pytest.raises(SystemExit) as left:
        logs.logs.main(arguments, obj=App(tmp_path, Output()), standalone_mode=True)
    assert left.value.code == 0
    assert asked == [("till-3", LogFollow(0, "", "ssh.service", 4, "usb", 5, True), False)]
