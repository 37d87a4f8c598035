"""`handrail receipts`."""

import json
from pathlib import Path

import pytest

from tests.kit.commands import handrail
from tests.kit.organisation import Organisation
from tests.kit.past import CUT, RECORDING, SESSION, keep_two_sessions
from tests.kit.switchboard import Keys, keys_of


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    keep_two_sessions(tmp_path)
    organisation = Organisation()
    return keys_of(organisation, organisation.technician(), "https://relay.example")


async def test_they_are_listed_newest_first_and_by_device(tmp_path: Path, keys: Keys) -> None:
    ran = await handrail(tmp_path, keys, "receipts", "list", "--json")
    assert [row["session"] for row in ran.json["receipts"]] == [SESSION, CUT]
    words = (await handrail(tmp_path, keys, "receipts", "list")).out
    for there in (SESSION, "Reception PC", "1 fix,", "2 files", "notes", "recording"):
        assert there in words
    assert "\x1b" not in words
    one = await handrail(tmp_path, keys, "receipts", "list", "--device", "till 3", "--json")
    assert [row["session"] for row in one.json["receipts"]] == [CUT]


async def test_one_is_shown_with_notes_fixes_and_what_happened(tmp_path: Path, keys: Keys) -> None:
    words = (await handrail(tmp_path, keys, "receipts", "show", "last")).out
    for there in (
        "Reason: the disk is full",
        "Tray 2 was empty.",
        "solved: The disk is nearly full",
        RECORDING,
        "File put there",
    ):
        assert there in words
    assert "\x1b" not in words
    told = (await handrail(tmp_path, keys, "receipts", "show", SESSION[:3], "--json")).json
    assert told["files"][0]["path"] == "Documents/report.odt"
    missing = await handrail(tmp_path, keys, "receipts", "show", "zz")
    assert missing.code != 0
    assert "receipts list" in missing.err


@pytest.mark.parametrize(
    ("name", "begins"), [("a.md", "# Session"), ("a.html", "<!doctype html>"), ("a.json", "{"), ("a.txt", "# Session")]
)
async def test_the_name_of_the_file_chooses_the_form(tmp_path: Path, keys: Keys, name: str, begins: str) -> None:
    file = tmp_path / name
    ran = await handrail(tmp_path, keys, "receipts", "export", "last", "-o", str(file))
    assert ran.code == 0, ran.err
    assert file.read_text().startswith(begins)
    again = await handrail(tmp_path, keys, "receipts", "export", "last", "-o", str(file))
    assert again.code != 0
    assert "there already" in again.err


async def test_without_a_file_it_goes_to_standard_output(tmp_path: Path, keys: Keys) -> None:
    ran = await handrail(tmp_path, keys, "receipts", "export", "last", "--format", "json")
    assert json.loads(ran.out)["session"] == SESSION
    nowhere = await handrail(tmp_path, keys, "receipts", "export", "last", "-o", str(tmp_path / "no" / "a.md"))
    assert "no directory" in nowhere.err
