"""Room."""

import pytest

from protocol.messages.diagnostics import Cell
from tests.kit.tables import findings, mount, only, table

GIB = 1024**3


def test_low_and_very_low() -> None:
    finding = only(findings(table("mounts", mount(used=92.0, available=10 * GIB))), "disk_space_low")
    assert (finding.severity, finding.fix, finding.fix_parameters) == ("warning", "free-disk-space", {"days": 7})
    assert finding.evidence["path"] == "/" and "10.0 GiB" in finding.text
    assert only(findings(table("mounts", mount(used=97.0, available=GIB))), "disk_space_low").severity == "critical"


@pytest.mark.parametrize(
    ("used", "available", "more"),
    [
        (92.0, 300 * GIB, {}),
        (50.0, 2 * GIB, {}),
        (100.0, 0, {"read_only": True}),
        (99.0, GIB, {"local": False}),
    ],
)
def test_what_is_not_low(used: float, available: int, more: dict[str, Cell]) -> None:
    assert findings(table("mounts", mount(used=used, available=available, **more))) == []


def test_the_fullest_first() -> None:
    rows = [mount(used=91.0, available=GIB, path="/home"), mount(used=95.0, available=GIB, path="/")]
    assert [finding.evidence["path"] for finding in findings(table("mounts", *rows))] == ["/", "/home"]


def test_one_that_does_not_answer_is_not_judged() -> None:
    assert findings(table("mounts", {"path": "/", "local": True, "read_only": False, "responding": False})) == []


def test_inodes() -> None:
    finding = only(findings(table("mounts", mount(used=10.0, available=90 * GIB, inodes_used=98.5))), "inode_space_low")
    assert (finding.severity, finding.fix) == ("critical", "")


def test_trash_by_size_and_by_need() -> None:
    trash: dict[str, Cell] = {"kind": "trash", "path": "~/.local/share/Trash", "size": 200 * 1024**2, "items": 1}
    assert findings(table("user_files", trash), table("mounts", mount(used=50.0, available=90 * GIB))) == []
    low = findings(table("user_files", trash), table("mounts", mount(used=95.0, available=10 * GIB)))
    assert {(finding.id, finding.severity) for finding in low} == {("disk_space_low", "warning"), ("trash_large", "warning")}
    finding = only(findings(table("user_files", {**trash, "size": 3 * GIB, "items": 12})), "trash_large")
    assert (finding.severity, finding.fix) == ("notice", "empty-trash") and "3.0 GiB in 12 items" in finding.text


def test_journal() -> None:
    rows: list[dict[str, Cell]] = [
        {"path": "/var/log/journal", "size": 2 * GIB, "files": 40},
        {"path": "/run/log/journal", "size": 5, "files": 1},
    ]
    finding = only(findings(table("journal_usage", *rows)), "journal_large")
    assert (finding.evidence["files"], finding.fix) == (41, "vacuum-journal")
    assert findings(table("journal_usage", rows[1])) == []
