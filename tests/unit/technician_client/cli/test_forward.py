"""`handrail forward`: its words. What it does is in tests/integration/test_forward_and_logs.py."""

from pathlib import Path

import pytest

from technician_client.cli import forward
from technician_client.cli.app import App
from technician_client.cli.output import Output
from technician_client.forwarding import Forward, ForwardWish


def test_words_become_wishes_and_wrong_ones_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[object] = []

    async def forward_ports(_app: App, words: str, reason: str, wishes: tuple[ForwardWish, ...]) -> int:
        asked.append((words, reason, wishes))
        return 0

    monkeypatch.setattr(forward, "forward_ports", forward_ports)
    for ports, code in ((["5432", "8080:80"], 0), (["nonsense"], 1)):
        with pytest.raises(SystemExit) as left:
            forward.forward.main(["till-3", *ports], obj=App(tmp_path, Output()), standalone_mode=True)
        assert left.value.code == code
    assert asked == [("till-3", "", (ForwardWish(5432, "127.0.0.1", 5432), ForwardWish(8080, "127.0.0.1", 80)))]


def test_a_forward_as_a_document() -> None:
    document = forward.forward_document(Forward(ForwardWish(8080, "127.0.0.1", 80), 1))
    assert document["local"] == "127.0.0.1:8080"
    assert document["sent_bytes"] == 0
