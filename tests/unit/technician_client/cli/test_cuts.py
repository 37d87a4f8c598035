"""Work that outlives cuts of its session."""

import io
import json
from typing import Any

import pytest

from technician_client.cli import cuts
from technician_client.cli.cuts import over_cuts
from technician_client.cli.output import Output
from technician_client.errors import SessionLost


class Part:
    """A session that ends as it is told."""

    session_id = "s1"
    end_text = "The network cut it."

    def __init__(self, name: str, *, goes_on: bool = False) -> None:
        self.name, self.goes_on = name, goes_on
        self.ends: list[str] = []

    async def end(self, reason: str = "finished") -> None:
        self.ends.append(reason)

    def loss(self) -> SessionLost:
        return SessionLost(self.name, reason="cut", clean=False)


class Line:
    """Sessions of which each goes on in the next, and the work that is done in them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *parts: Part) -> None:
        self.parts = list(parts)
        self.output_text, self.errors = io.StringIO(), io.StringIO()
        self.output = Output(as_json=True, stdout=self.output_text, stderr=self.errors)
        self.worked: list[str] = []
        self.ended: list[str] = []
        later = iter(parts[1:])

        async def resume(_relay: object, _lost: object, **_told: object) -> Part:
            return next(later)

        monkeypatch.setattr(cuts, "resume", resume)
        monkeypatch.setattr(cuts, "resumable", lambda session: session.goes_on)
        monkeypatch.setattr(cuts, "patience_of", lambda _session: 120.0)

    async def run(self, done_in: str = "", **named: Any) -> str:
        async def work(session: Any) -> str:
            self.worked.append(session.name)
            if session.name == done_in:
                return f"done in {session.name}"
            raise session.loss()

        def ended(session: Any) -> None:
            self.ended.append(session.name)

        first: Any = self.parts[0]
        relay: Any = None
        return await over_cuts(self.output, relay, first, work, ended=ended, **named)


async def test_work_goes_on_in_the_next_session_and_each_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch, Part("a", goes_on=True), Part("b", goes_on=True), Part("c"))
    assert await line.run("c", because="files moved") == "done in c"
    assert line.worked == line.ended == ["a", "b", "c"]
    assert [part.ends[0] for part in line.parts] == ["finished", "finished", "files moved"]
    events = [json.loads(text) for text in line.output_text.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["reconnecting", "reconnecting"]
    assert "Reconnecting for at most 2 min" in line.errors.getvalue()


async def test_a_session_that_does_not_go_on_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch, Part("a", goes_on=True), Part("b"), Part("never"))
    with pytest.raises(SessionLost, match="b"):
        await line.run(events=False)
    assert line.worked == line.ended == ["a", "b"]
    assert line.output_text.getvalue() == ""


async def test_another_failure_ends_the_session_and_is_not_gone_on_from(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch, Part("a", goes_on=True), Part("never"))

    async def fail(_session: object) -> None:
        raise ValueError("of the work itself")

    first: Any = line.parts[0]
    relay: Any = None
    with pytest.raises(ValueError, match="of the work"):
        await over_cuts(line.output, relay, first, fail)
    assert line.parts[0].ends == ["finished"]
