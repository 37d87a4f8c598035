"""A chain as a file: what holds, and what each change to it is called, with and without somebody's kept checkpoint."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.audit import open_checkpoint
from protocol.audit_export import LINE_BYTES, Header, Line, Witness, check, check_header, decode_header, decode_lines
from protocol.errors import TrustError
from tests.kit.audited import Audited
from tests.kit.organisation import Organisation


class File:
    """An exported file of one device, and the checkpoints that technicians kept of it."""

    def __init__(self, directory: Path) -> None:
        self.home = Audited(directory)
        self.witnesses: list[Witness] = []
        for name in ("one", "two", "three"):
            self.witness(name)
        self.whole, self.some = self.home.export(), self.home.export("two")

    def witness(self, name: str) -> None:
        leaving = self.home.session(name)
        checkpoint = open_checkpoint(leaving.checkpoint, self.home.device.key.public)
        records = self.home.receipts()[-1].records
        witness = Witness(f"the checkpoint of session {name}", checkpoint.at, checkpoint.sequence, checkpoint.hash, records)
        self.witnesses.append(witness)

    def verdict(self, lines: Sequence[bytes], *witnesses: Witness) -> str:
        try:
            shown = check(lines, root_der=self.home.organisation.root, witnesses=lambda _: witnesses)
        except TrustError as error:
            return str(error)
        return f"{shown.records} records, {shown.agreed} agreed, {shown.newer} newer"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> File:
    return File(tmp_path_factory.mktemp("agent"))


def edited(line: bytes, **changes: object) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(line), **changes})


def test_what_holds_is_said(file: File) -> None:
    assert file.verdict(file.whole) == "12 records, 0 agreed, 0 newer"
    assert file.verdict(file.whole, *file.witnesses) == "12 records, 3 agreed, 0 newer"
    assert file.verdict(file.some, *file.witnesses) == "3 records, 1 agreed, 0 newer"
    asked: list[str] = []
    check(file.whole, root_der=file.home.organisation.root, witnesses=lambda peer: asked.append(peer) or [])
    assert asked == [file.home.device.peer]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: [*rows[:6], edited(rows[6], action="x"), *rows[7:]], "broken at record 6: it was edited"),
        (lambda rows: [*rows[:6], *rows[7:]], "broken at record 6: it was deleted"),
        (lambda rows: [*rows[:6], rows[7], rows[6], *rows[8:]], "broken at record 6: the order was changed"),
        (lambda rows: rows[:6], "cut short: it ends at record 5, and the device signed for 12"),
        (lambda rows: [*rows, rows[-1]], "broken at record 13: record 12 stands here a second time"),
        (lambda rows: rows[:1], "cut short: it ends at record 0"),
        (lambda rows: [*rows[:6], b"{}", *rows[7:]], "Line 7 of the file is no record"),
        (lambda rows: [*rows[:6], b" " * (LINE_BYTES + 1), *rows[7:]], "Line 7 of the file is too long"),
        (lambda rows: [edited(rows[0], device="other"), *rows[1:]], "name different devices"),
        (lambda rows: [edited(rows[0], format="x"), *rows[1:]], "no exported audit chain"),
        (lambda rows: rows[1:], "no exported audit chain"),
        (lambda rows: [], "no exported audit chain"),
        (lambda rows: [b" " * (LINE_BYTES + 1)], "first line is too long"),
    ],
)
def test_each_change_is_named(file: File, change: object, words: str) -> None:
    assert words in file.verdict(change(file.whole))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: [rows[0], edited(rows[1], action="x"), *rows[2:]], "Record 5 is not the one that the device signed for"),
        (lambda rows: [rows[0], edited(rows[1], sequence=9), *rows[2:]], "Record 9 is not the one"),
        (lambda rows: [rows[0], rows[2], rows[1]], "Record 5 stands after record 6: the order was changed"),
        (lambda rows: [rows[0], edited(rows[1], session="one")], "another session than the file says"),
        (lambda rows: [rows[0], edited(rows[1], proof=[])], "Record 5 is not the one"),
        (lambda rows: [rows[0], edited(rows[1], previous="00" * 32)], "Record 5 is not the one"),
    ],
)
def test_each_change_of_some_records_is_named(file: File, change: object, words: str) -> None:
    assert words in file.verdict(change(file.some))  # type: ignore[operator]


def test_who_owns_the_key_is_held_to_what_was_witnessed(tmp_path: Path) -> None:
    """The device signs whatever it is told to: only what others kept speaks against it."""
    file = File(tmp_path / "agent")
    file.home.keep_copy(tmp_path / "copy")
    file.witness("four")
    before = file.home.now
    newest = file.home.export()
    assert "16 records, 4 agreed" in file.verdict(newest, *file.witnesses)
    assert "12 records, 3 agreed, 1 newer" in file.verdict(file.whole, *file.witnesses)
    file.home.put_back(tmp_path / "copy")
    file.home.now = before + 60
    words = file.verdict(file.home.export(), *file.witnesses)
    assert "rolled back or cut short: the checkpoint of session four of" in words and "saw record 15" in words
    file.home.put_back(tmp_path / "copy")
    file.home.write_anew("Ana Ruiz", "nobody")
    words = file.verdict(file.home.export(), *file.witnesses)
    assert "Record 1 is another than the one in the checkpoint of session one" in words and "technician nobody" in words
    silent = [Witness(w.name, w.at, w.sequence, w.hash) for w in file.witnesses]
    assert "written anew: its record 3" in file.verdict(file.home.export(), *silent)
    assert "is one of 1 to 3" in file.verdict(file.home.export(), *silent)
    assert "Record 3 is another" in file.verdict(file.home.export("one"), *silent)


def test_a_receipt_that_was_changed_where_it_is_kept_is_told_from_a_chain_written_anew(file: File) -> None:
    """The device's signature speaks for the chain, so it is the receipt beside it that somebody edited."""
    first, *others = file.witnesses
    lied = [msgspec.structs.replace(first.records[0], action="nothing happened"), *first.records[1:]]
    said = file.verdict(file.whole, dataclasses.replace(first, records=lied), *others)
    assert "The receipt beside the checkpoint of session one was changed where it is kept: its record 1" in said
    assert "There it says" in said and "nothing happened" in said


def test_another_organisations_device_is_nobody(file: File) -> None:
    with pytest.raises(TrustError):
        check(file.whole, root_der=Organisation().root, witnesses=lambda _: [])
    header = decode_header(file.whole[0])
    other = Audited(file.home.settings.home / "other")
    with pytest.raises(TrustError):
        check_header(msgspec.structs.replace(header, chain=other.device.chain), root_der=file.home.organisation.root)
    with pytest.raises(TrustError):
        check_header(msgspec.structs.replace(header, chain=[b"x", b"y"]), root_der=file.home.organisation.root)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # the library warns, our check refuses
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_byte_of_a_file_can_be_changed_unnoticed(file: File, data: st.DataObject) -> None:
    """Every flip of a bit is refused, or changes nothing that the file says (a space, the spelling of a number)."""
    lines = data.draw(st.sampled_from([file.whole, file.some]))
    number = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines[number]) - 2))
    flipped = bytearray(lines[number])
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    changed = [*lines[:number], bytes(flipped), *lines[number + 1 :]]
    words = file.verdict(changed, *file.witnesses)
    if words.startswith(("12 records", "3 records")):
        kind: type[Header] | type[Line] = Header if number == 0 else Line
        before, after = msgspec.json.decode(lines[number], type=kind), msgspec.json.decode(bytes(flipped), type=kind)
        if isinstance(before, Line) and isinstance(after, Line):
            assert before.record() == after.record()
        else:
            assert before == after


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_rubbish_is_one_kind_of_error(lines: list[bytes]) -> None:
    with pytest.raises(TrustError):
        check(lines, root_der=b"", witnesses=lambda _: [])
    with pytest.raises(TrustError):
        list(decode_lines([b"\xff", *lines]))
