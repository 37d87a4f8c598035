"""`handrail logs`: lines as they are shown, and what the command asks for."""

import io
import json
from pathlib import Path

import pytest

from protocol.messages.logs import LogFollow, LogLine
from technician_client.cli import logs
from technician_client.cli.app import App
from technician_client.cli.output import Output


def test_a_line_is_shown_inert_and_as_json() -> None:
    line = LogLine(1795262400.0, 3, "ssh.service", "evil \x1b]0;x\x07 text")
    out = io.StringIO()
    logs.show_line(Output(stdout=out, colour=False), line)
    assert "ssh.service: evil \ufffd text" in out.getvalue()
    as_json = io.StringIO()
    logs.show_line(Output(as_json=True, stdout=as_json), line)
    assert json.loads(as_json.getvalue())["priority"] == 3


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
