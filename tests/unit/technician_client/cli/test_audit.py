"""`handrail audit verify`: by file and by device, whole and after each kind of tampering."""

from pathlib import Path

import msgspec
import pytest

from agent.audit import Audit
from hostio.private_files import write_private
from protocol.audit import Checkpoint
from protocol.session import SessionEnded
from technician_client.identity import IdentityRecord, save_record
from technician_client.receipts import keep_last_words, newest_pin
from tests.kit.audited import ORGANISATION, Audited
from tests.kit.commands import Ran
from tests.kit.founded import Founded
from tests.kit.org_commands import command_line


class Desk:
    """A technician's computer, and a device that it has had sessions with."""

    def __init__(self, tmp_path: Path) -> None:
        self.home = tmp_path / "home"
        self.kept = self.home / "receipts"
        self.device = Audited(tmp_path / "agent")
        record = IdentityRecord(ORGANISATION.id, "Example Ltd", ORGANISATION.root, b"{}", "https://relay.example", "", [], [])
        save_record(self.home / "identity", record)
        for name in ("one", "two", "three"):
            assert self.session(name) == ""

    def session(self, name: str) -> str:
        """One session with the device, as `technician_client.sessions` ends it; what is wrong with its last words."""
        pin: Checkpoint | None = newest_pin(self.kept, self.device.device.peer)
        leaving = self.device.session(name, witness=0 if pin is None else pin.sequence)
        ended = SessionEnded("done", True, True, leaving.checkpoint, leaving.receipt, proof=tuple(leaving.proof))
        kept = keep_last_words(self.kept, self.device.identity(), name, ended, wall=self.device.now, pin=pin)
        assert kept is not None
        return kept.fault

    def export(self, session: str = "") -> Path:
        path = self.home.parent / "device.audit"
        path.write_bytes(b"".join(self.device.export(session)))
        return path

    def verify(self, *arguments: str) -> Ran:
        return command_line(self.home, "audit", "verify", *arguments)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_holds_is_said(desk: Desk) -> None:
    by_device = desk.verify("--device", desk.device.device.peer)
    assert by_device.code == 0 and "3 checkpoints, each signed" in by_device.out and "11 records" in by_device.out
    assert desk.verify("--device", "reception pc", "--json").json["checkpoints"] == 3
    by_file = desk.verify(str(desk.export()))
    assert (
        by_file.code == 0
        and "the whole chain, in order and unchanged" in by_file.out
        and "3 checkpoints kept here agree" in by_file.out
    )
    some = desk.verify(str(desk.export("two")), "--json")
    assert some.json["whole"] is False and some.json["records"] == 3 and some.json["witnesses"] == 1
    words = desk.verify(str(desk.export("two")))
    assert "each belongs to its chain of 12" in words.out


def test_each_session_is_held_against_the_one_before(desk: Desk, tmp_path: Path) -> None:
    desk.device.keep_copy(tmp_path / "copy")
    assert desk.session("four") == ""
    desk.device.put_back(tmp_path / "copy")
    assert "rolled back before its record 15" in desk.session("five")
    broken = desk.verify("--device", "Reception PC")
    assert broken.code == 7 and "session five" in broken.err and "rolled back before its record 15" in broken.err
    # The pin stays where it was: the next session is held against what was good.
    assert "rolled back before its record 15" in desk.session("six")
    with Audit(desk.device.path, read_only=True) as chain:
        assert "audit chain is shorter than its witness says" in [record.action for record, _ in chain.rows()]


def test_a_chain_that_is_shorter_than_before_is_named(desk: Desk) -> None:
    desk.device.path.unlink()
    desk.device.path.with_suffix(".checkpoint").unlink()
    assert "rolled back or cut short: it had 11 records" in desk.session("four")


def test_a_chain_that_was_written_anew_is_noticed_in_the_next_session(desk: Desk) -> None:
    desk.device.write_anew("Ana Ruiz", "nobody")
    assert "rolled back before its record 11" in desk.session("four")
    broken = desk.verify(str(desk.export()))
    assert broken.code == 7 and "Record 1 is another than the one in the checkpoint in" in broken.err
    assert "technician Ana Ruiz" in broken.err and "technician nobody" in broken.err


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE record SET action = 'x' WHERE sequence = 5", "broken at record 5: it was edited"),
        ("DELETE FROM record WHERE sequence = 5", "broken at record 5: it was deleted"),
    ],
)
def test_a_changed_file_is_explained(desk: Desk, statement: str, words: str) -> None:
    path = desk.export()
    lines = path.read_bytes().splitlines(keepends=True)
    if statement.startswith("DELETE"):
        del lines[5]
    else:
        lines[5] = lines[5].replace(b'"action":"session opened"', b'"action":"x"')
    path.write_bytes(b"".join(lines))
    broken = desk.verify(str(path))
    assert broken.code == 7 and words in broken.err


def test_kept_files_that_were_changed_are_named(desk: Desk) -> None:
    path = sorted(desk.kept.iterdir())[1]
    good = path.read_bytes()
    document = msgspec.json.decode(good)
    for changed in (
        {**document, "checkpoint": document["checkpoint"][:-8] + "AAAAAAA="},
        {**document, "checkpoint": "%"},
        {**document, "proof": ["00" * 32]},
        {**document, "proof": ["x"]},
        {**document, "certificate": ""},
        {"session": 5},
    ):
        path.write_bytes(msgspec.json.encode(changed))
        broken = desk.verify("--device", desk.device.device.peer)
        assert broken.code == 7 and path.name in broken.err, changed
    path.write_bytes(good)
    assert desk.verify("--device", desk.device.device.peer).code == 0


def test_what_is_not_there_is_said(desk: Desk, tmp_path: Path) -> None:
    assert desk.verify().code == 2
    assert desk.verify("x", "--device", "y").code == 2
    assert desk.verify(str(tmp_path / "none")).code == 6
    assert desk.verify(str(tmp_path)).code == 1
    assert desk.verify("--device", "nobody").code == 6
    other = Desk(tmp_path / "other")
    for path in other.kept.iterdir():
        write_private(desk.kept / path.name, path.read_bytes())
    two = desk.verify("--device", "Reception PC")
    assert two.code == 2 and "2 devices are called" in two.err


def test_an_administrator_without_an_identity_can_check_too(desk: Desk, tmp_path: Path) -> None:
    path = desk.export()
    assert command_line(tmp_path / "empty", "audit", "verify", str(path)).code == 3
    Founded(tmp_path / "admin")
    other = command_line(tmp_path / "admin", "audit", "verify", str(path))
    assert other.code == 7  # another organisation's root
