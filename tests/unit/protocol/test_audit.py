"""The audit chain and its checkpoints."""

import msgspec
import pytest

from protocol.audit import GENESIS, Checkpoint, Record, check_chain, open_checkpoint, record_hash, sign_checkpoint
from protocol.certificates import PrivateKey
from protocol.errors import TrustError


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


@pytest.mark.parametrize("change", ["edit", "delete", "swap", "cut"])
def test_every_edit_shows(change: str) -> None:
    rows = chain(4)
    match change:
        case "edit":
            rows[1] = (msgspec.structs.replace(rows[1][0], action="did not"), rows[1][1])
        case "delete":
            del rows[1]
        case "swap":
            rows[1], rows[2] = rows[2], rows[1]
        case "cut":
            head = rows[-1][1]
            assert check_chain(rows[:-1])[1] != head  # the witness of a checkpoint is what shows this one
            return
    with pytest.raises(TrustError, match="broken"):
        check_chain(rows)


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
