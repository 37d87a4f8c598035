"""Receipts as the person sees them: newest first, rated without being changed, and nothing but receipts."""

from pathlib import Path

import pytest

from agent.audit import Receipt, save_receipt
from agent.errors import AuditUnavailable
from agent.receipts import EVENTS_SHOWN, Rating, ReceiptEvent, ReceiptRow, ReceiptShelf, telling
from protocol.audit import Record
from protocol.errors import Refused

FIRST, SECOND = "00aa11bb22cc33dd", "ffaa11bb22cc33dd"


def receipt(session: str, day: int, events: int = 2) -> Receipt:
    records = [Record(at + 1, 1000.0 + at, session, "fix ended", {"id": "free-disk-space", "ok": True}) for at in range(events)]
    return Receipt(
        session, "Till 3", "Example Ltd", "Ana Ruiz", "t1", 2, "printer", False, f"2026-11-{day:02d}T10:00:00Z",
        f"2026-11-{day:02d}T10:05:00Z", "ended by the technician", records, 7, "00",
    )  # fmt: skip


@pytest.fixture
def shelf(tmp_path: Path) -> ReceiptShelf:
    save_receipt(tmp_path, receipt(FIRST, 1))
    save_receipt(tmp_path, receipt(SECOND, 2, EVENTS_SHOWN + 5))
    return ReceiptShelf(tmp_path)


def test_the_newest_comes_first(shelf: ReceiptShelf) -> None:
    assert shelf.rows() == [
        ReceiptRow(SECOND, "Ana Ruiz", "Example Ltd", "2026-11-02T10:00:00Z", "2026-11-02T10:05:00Z"),
        ReceiptRow(FIRST, "Ana Ruiz", "Example Ltd", "2026-11-01T10:00:00Z", "2026-11-01T10:05:00Z"),
    ]


def test_a_receipt_says_what_happened(shelf: ReceiptShelf, tmp_path: Path) -> None:
    shown = shelf.read(FIRST)
    assert (shown.device, shown.reason, shown.tier, len(shown.records)) == ("Till 3", "printer", 2, 2)
    assert shown.records[0].detail == {"id": "free-disk-space", "ok": True}
    assert Path(shown.text).read_text().startswith("Handrail session")
    assert len(shelf.read(SECOND).records) == EVENTS_SHOWN


def test_a_rating_lies_beside_it_and_can_be_changed(shelf: ReceiptShelf, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    shelf.rate(FIRST, Rating(3, "slow", 5.0))
    shelf.rate(FIRST, Rating(5, "it prints ♥", 6.0))
    assert shelf.read(FIRST).rating == Rating(5, "it prints ♥", 6.0)
    assert [row.stars for row in shelf.rows()] == [0, 5]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name in before} == before
    (made,) = {path.name for path in tmp_path.iterdir()} - before.keys()
    assert made.endswith(".rating.json")
    assert (tmp_path / made).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("session", ["", "*", "../../etc", "ab", "00AA11BB22CC33DD", "11111111"])
def test_what_is_no_receipt_is_refused(shelf: ReceiptShelf, session: str) -> None:
    with pytest.raises(Refused):
        shelf.read(session)
    with pytest.raises(Refused):
        shelf.rate(session, Rating(5))


def test_files_that_do_not_read_are_left_out(shelf: ReceiptShelf, tmp_path: Path) -> None:
    (tmp_path / "2026-11-03T100000Z-abcdabcd.json").write_text("{")
    (tmp_path / "2026-11-04T100000Z-abcdabce.json").write_bytes(b" " * (1024 * 1024 + 1))
    assert len(shelf.rows()) == 2
    with pytest.raises(Refused, match="does not read"):
        shelf.read("abcdabcd")
    rated = next(tmp_path.glob(f"*-{FIRST}.json"))
    rated.with_name(rated.stem + ".rating.json").write_text('{"stars": 9}')
    assert shelf.read(FIRST).rating == Rating()


def test_a_full_disk_is_said(shelf: ReceiptShelf, tmp_path: Path) -> None:
    stem = next(tmp_path.glob(f"*-{FIRST}.json")).stem
    (tmp_path / f"{stem}.rating.json").mkdir()
    with pytest.raises(AuditUnavailable, match="rating"):
        shelf.rate(FIRST, Rating(1))
    assert not list(tmp_path.glob(".*"))  # nothing half written stays


def test_no_directory_is_no_receipts(tmp_path: Path) -> None:
    assert ReceiptShelf(tmp_path / "none").rows() == []


def test_of_many_events_those_that_tell_most_are_shown() -> None:
    files = [ReceiptEvent(float(at), "file sent") for at in range(9)]
    events = [*files, ReceiptEvent(9.0, "terminal opened"), *files]
    assert telling(events, 4) == [*files[:3], events[9]]
    assert telling(events, 99) == events


def test_a_list_needs_of_a_receipt_only_its_row(tmp_path: Path) -> None:
    """Two hundred of them with all their events are a second's work, for a few words each."""
    save_receipt(tmp_path, receipt(FIRST, 1))
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(path.read_bytes().replace(b'"fix ended"', b"7"))
    assert [row.session for row in ReceiptShelf(tmp_path).rows()] == [FIRST]
    with pytest.raises(Refused, match="does not read"):
        ReceiptShelf(tmp_path).read(FIRST)
