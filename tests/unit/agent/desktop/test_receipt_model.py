"""A receipt in words, also one that another version wrote."""

import time

import msgspec
import pytest

from agent.desktop.receipt_model import card_of, event_words, local_time, row_words, seconds_of
from agent.desktop.texts import Texts
from agent.receipts import ReceiptEvent, ReceiptRow, ReceiptShown

RECEIPT = ReceiptShown(
    session="00aa11bb",
    device="Till 3",
    organisation="Example Ltd",
    technician="Ana Ruiz",
    tier=2,
    reason="printer",
    unattended=True,
    opened_at="2026-11-01T10:00:00Z",
    ended_at="2026-11-01T10:05:09Z",
    ended_because="ended by the technician",
    records=[ReceiptEvent(1000.0, "session opened", {"granted": "view, chat", "technician": "Ana Ruiz"})],
)


def test_a_receipt_in_words(texts: Texts) -> None:
    card = card_of(RECEIPT, texts)
    assert card.heading == "Ana Ruiz helped on this computer"
    assert "(5:09)" in card.when
    assert card.lines[0] == "Reason: printer"
    assert "policy allowed" in card.lines[1]
    assert card.happened[0][1] == "Connected. Allowed: see your screen and chat with you."


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (ReceiptEvent(0, "capability granted", {"capability": "control"}), "Also allowed: use your mouse and keyboard."),
        (
            ReceiptEvent(0, "fix ended", {"id": "free-disk-space", "version": "1", "outcome": "fixed"}),
            "The fix free-disk-space ended: it worked, and that was checked.",
        ),
        (ReceiptEvent(0, "fix ended", {"id": "x", "outcome": "odd\x1b"}), "The fix x ended: odd\\x1b."),
        (ReceiptEvent(0, "fix ended", {}), "fix ended"),
        (ReceiptEvent(0, "file sent", {"path": "a/b", "size": 48213}), "The file a/b was taken (48 kB)."),
        (ReceiptEvent(0, "files taken", {"name": "a\nb", "bytes": 7}), "files taken: name a\\x0ab, bytes 7"),
    ],
)
def test_records_in_words(event: ReceiptEvent, words: str, texts: Texts) -> None:
    assert event_words(event, texts) == words


def test_times_are_this_computers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    try:
        assert local_time("2026-11-01T10:00:00Z") == "2026-11-01 11:00"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert seconds_of("yesterday") is None
    assert local_time("yester\x07day") == "yester\\x07day"


def test_rows_in_words(texts: Texts) -> None:
    row = ReceiptRow("s", "Ana Ruiz", "Example", "?", "?")
    assert row_words(row, texts) == "?, Ana Ruiz"
    assert row_words(ReceiptRow("s", "Ana", "E", "?", "?", 1), texts) == "?, Ana, 1 star"
    assert row_words(ReceiptRow("s", "Ana", "E", "?", "?", 4), texts) == "?, Ana, 4 stars"


def test_what_is_left_out_is_counted(texts: Texts) -> None:
    card = card_of(msgspec.structs.replace(RECEIPT, left_out=7), texts)
    assert card.happened[-1] == ("", texts("receipt.left_out", count=7))
    assert len(card.happened) == len(card_of(RECEIPT, texts).happened) + 1
