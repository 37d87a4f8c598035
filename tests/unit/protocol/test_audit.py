"""The audit chain and its checkpoints."""

import msgspec
import pytest

from protocol.audit import (
    GENESIS,
    Checkpoint,
    Record,
    check_chain,
    check_continues,
    check_included,
    moment,
    open_checkpoint,
    read_checkpoint,
    record_hash,
    sign_checkpoint,
)
from protocol.certificates import PrivateKey
from protocol.errors import TrustError
from protocol.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash


def chain(count: int) -> list[tuple[Record, bytes]]:
    rows, head = [], GENESIS
    for sequence in range(1, count + 1):
        record = Record(sequence, float(sequence), "s1", "did", {"b": 1, "a": "x", "c": True})
        head = record_hash(head, record)
        rows.append((record, head))
    return rows


def test_a_whole_chain_holds() -> None:
    rows = chain(4)
    assert check_chain(rows) == (4, rows[-1][1])
    assert check_chain(rows[2:], sequence=2, head=rows[1][1]) == (4, rows[-1][1])
    assert check_chain([]) == (0, GENESIS)


def test_the_order_of_a_map_does_not_matter() -> None:
    assert record_hash(GENESIS, Record(1, 0.0, "", "x", {"a": 1, "b": 2})) == record_hash(
        GENESIS, Record(1, 0.0, "", "x", {"b": 2, "a": 1})
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("edit", "record 2: it was edited after it was written (record 3 still continues"),
        ("edit the last", "record 6: it was edited"),
        ("delete", "record 2: it was deleted (record 3 came instead)"),
        ("delete three", "record 2: 3 records were deleted here"),
        ("delete and number anew", "record 2: it was edited after it was written, or it took the place of"),
        ("swap", "record 2: the order was changed: it stands as record 3 now"),
        ("move", "record 2: the order was changed: it stands as record 5 now"),
        ("repeat", "record 3: record 2 stands here a second time"),
    ],
)
def test_the_first_record_that_does_not_fit_is_explained(change: str, words: str) -> None:
    rows = chain(6)

    def numbered(row: int, sequence: int) -> tuple[Record, bytes]:
        return msgspec.structs.replace(rows[row][0], sequence=sequence), rows[row][1]

    match change:
        case "edit":
            rows[1] = (msgspec.structs.replace(rows[1][0], action="did not"), rows[1][1])
        case "edit the last":
            rows[5] = (msgspec.structs.replace(rows[5][0], at=0.0), rows[5][1])
        case "delete":
            del rows[1]
        case "delete three":
            del rows[1:4]
        case "delete and number anew":
            rows = [rows[0], *(numbered(row, row) for row in range(2, 6))]
        case "swap":
            rows[1], rows[2] = numbered(2, 2), numbered(1, 3)
        case "move":
            rows[1], rows[4] = numbered(4, 2), numbered(1, 5)
        case "repeat":
            rows.insert(2, rows[1])
    with pytest.raises(TrustError) as raised:
        check_chain(rows)
    assert f"broken at {words}" in str(raised.value)


def test_a_checkpoint_travels_signed() -> None:
    key = PrivateKey.generate()
    checkpoint = Checkpoint("0" * 16, "device1", 4, bytes(32), 12.5)
    data = sign_checkpoint(key, checkpoint)
    assert open_checkpoint(data, key.public) == checkpoint
    for wrong in (data[:-1] + bytes([data[-1] ^ 1]), b"", b"\x90", bytes(5000)):
        with pytest.raises(TrustError):
            open_checkpoint(wrong, key.public)
    with pytest.raises(TrustError):
        open_checkpoint(data, PrivateKey.generate().public)
    assert read_checkpoint(data) == checkpoint
    for wrong in (b"", bytes(5000), b"\x82\xaacheckpoint\xc4\x00\xa9signature\xc4\x00"):
        with pytest.raises(TrustError):
            read_checkpoint(wrong)


class Log:
    """A chain with the tree over it, and its checkpoint at every length."""

    def __init__(self, count: int, action: str = "did") -> None:
        self.rows = chain(count)
        if action != "did":
            head = GENESIS
            for index, (record, _) in enumerate(self.rows):
                changed = msgspec.structs.replace(record, action=action)
                head = record_hash(head, changed)
                self.rows[index] = changed, head
        self.nodes: dict[tuple[int, int], bytes] = {}
        frontier = Frontier()
        self.checkpoints = [Checkpoint("0" * 16, "d1", 0, GENESIS, 0.0, frontier.root())]
        for record, digest in self.rows:
            for level, position, node in frontier.append(leaf_hash(digest)):
                self.nodes[level, position] = node
            self.checkpoints.append(Checkpoint("0" * 16, "d1", record.sequence, digest, record.at, frontier.root()))

    def lookup(self, level: int, position: int) -> bytes:
        return self.nodes[level, position]


def test_a_chain_that_grew_is_shown_to_have_grown() -> None:
    log = Log(9)
    for old in range(10):
        for new in range(old, 10):
            check_continues(log.checkpoints[old], log.checkpoints[new], consistency_proof(log.lookup, old, new))
    rootless = msgspec.structs.replace(log.checkpoints[3], root=b"")
    check_continues(rootless, log.checkpoints[9], [])


def test_what_became_of_a_chain_is_named() -> None:
    log, other = Log(9), Log(9, "did something else")
    before, after = log.checkpoints[6], log.checkpoints[9]
    with pytest.raises(TrustError, match=r"rolled back or cut short: it had 9 .* has 6"):
        check_continues(after, before, [])
    with pytest.raises(TrustError, match="written anew: its record 6"):
        check_continues(before, other.checkpoints[6], [])
    with pytest.raises(TrustError, match="rolled back before its record 6"):
        check_continues(before, other.checkpoints[9], consistency_proof(other.lookup, 6, 9))
    with pytest.raises(TrustError, match="rolled back before its record 6"):
        check_continues(before, after, [])
    with pytest.raises(TrustError, match="different devices"):
        check_continues(before, msgspec.structs.replace(after, device="d2"), [])


def test_one_record_is_shown_without_the_others() -> None:
    log = Log(7)
    for index, (record, _) in enumerate(log.rows):
        previous = log.rows[index - 1][1] if index else GENESIS
        proof = inclusion_proof(log.lookup, index, 7)
        check_included(record, previous, proof, log.checkpoints[7])
        for changed in (msgspec.structs.replace(record, action="x"), msgspec.structs.replace(record, sequence=8)):
            with pytest.raises(TrustError, match=f"Record {changed.sequence} is not the one"):
                check_included(changed, previous, proof, log.checkpoints[7])


def test_moments_read() -> None:
    assert moment(0.0) == "1970-01-01T00:00:00Z"
    assert moment(1e30) == "1e+30 s" and moment(float("nan")) == "nan s"
