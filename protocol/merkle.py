"""A Merkle tree over a log that only grows, hashed as RFC 9162 (before: RFC 6962) section 2.1 says.

    leaf(data)        = SHA-256(0x00 data)
    node(left, right) = SHA-256(0x01 left right)
    root of n leaves  = node(root of the first k, root of the rest), k the largest power of two below n; of none: SHA-256("")

A *consistency proof* shows that a larger tree begins with the leaves of a smaller one; an *inclusion proof* that one leaf
stands at one place. Both are lists of at most 64 hashes. Who builds proofs keeps the roots of all full subtrees by (level,
position): level 0 are the leaf hashes, position counts from the left. Pure.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from protocol.errors import TrustError

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
PROOF_HASHES: Final = 64
MOST_LEAVES: Final = 2**62

Lookup = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """What is needed to append and to know the root: one hash for each full subtree on the right edge, the largest first."""

    size: int = 0
    hashes: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add one leaf (its hash).

        Returns:
            The full subtrees that this completes, as (level, position, root), the leaf itself first.
        """
        made = [(0, self.size, leaf)]
        level, rest = 0, self.size
        while rest & 1:
            leaf = node_hash(self.hashes.pop(), leaf)
            level, rest = level + 1, rest >> 1
            made.append((level, rest, leaf))
        self.hashes.append(leaf)
        self.size += 1
        return made

    def root(self) -> bytes:
        """The root of everything appended so far."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    @classmethod
    def of(cls, size: int, lookup: Lookup) -> "Frontier":
        """The frontier of a tree whose full subtrees can be looked up."""
        hashes, start = [], 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                hashes.append(lookup(level, start >> level))
                start += 1 << level
        return cls(size, hashes)


def range_root(lookup: Lookup, start: int, end: int) -> bytes:
    """The root of the leaves from `start` up to `end`: a range as proofs cut it, beginning where a subtree of its size does."""
    count = end - start
    if count == 0:
        return EMPTY_ROOT
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return lookup(level, start >> level)
    middle = start + _split(count)
    return node_hash(range_root(lookup, start, middle), range_root(lookup, middle, end))


def inclusion_proof(lookup: Lookup, index: int, size: int) -> list[bytes]:
    """The hashes beside the way from leaf `index` (from 0) up to the root of `size` leaves."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} among {size}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(range_root(lookup, middle, end))
            end = middle
        else:
            proof.append(range_root(lookup, start, middle))
            start = middle
    proof.reverse()
    return proof


def consistency_proof(lookup: Lookup, old: int, new: int) -> list[bytes]:
    """The hashes that show how the root of `new` leaves grew out of the root of the first `old`."""
    if not 0 <= old <= new:
        raise ValueError(f"{old} leaves cannot have become {new}")
    if old in (0, new):
        return []
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(range_root(lookup, middle, end))
            end = middle
        else:
            proof.append(range_root(lookup, start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(range_root(lookup, start, end))
    proof.reverse()
    return proof


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Whether the leaf with this hash stands at `index` of the tree with this root (RFC 9162, 2.1.3.2).

    Raises:
        TrustError: the proof does not show it.
    """
    if not 0 <= index < size <= MOST_LEAVES or len(proof) > PROOF_HASHES:
        raise TrustError("The proof that a record belongs to the audit chain is for no place in it.")
    here, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise TrustError("The proof that a record belongs to the audit chain is too long.")
        if here & 1 or here == last:
            computed = node_hash(sibling, computed)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        here, last = here >> 1, last >> 1
    if last or not hmac.compare_digest(computed, root):
        raise TrustError("The proof does not lead from the record to the signed checkpoint.")


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Whether the tree of `new` leaves begins with the tree of `old` (RFC 9162, 2.1.4.2).

    Raises:
        TrustError: the proof does not show it: what was there has been changed or taken away.
    """
    if not 0 <= old <= new <= MOST_LEAVES or len(proof) > PROOF_HASHES:
        raise TrustError(f"A chain of {new} records does not continue one of {old}: records were taken away.")
    if old in (0, new):
        expected = EMPTY_ROOT if old == 0 else new_root
        if proof or not hmac.compare_digest(old_root, expected):
            raise TrustError(f"The first {old} records are not those that were there before.")
        return
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        raise TrustError("There is no proof that the audit chain only grew.")
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old_computed = new_computed = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            raise TrustError("The proof that the audit chain only grew is too long.")
        if here & 1 or here == last:
            old_computed, new_computed = node_hash(sibling, old_computed), node_hash(sibling, new_computed)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new_computed = node_hash(new_computed, sibling)
        here, last = here >> 1, last >> 1
    if last or not hmac.compare_digest(old_computed, old_root) or not hmac.compare_digest(new_computed, new_root):
        raise TrustError(f"The first {old} records are not those that were there before.")


def _split(count: int) -> int:
    """The largest power of two below `count` (at least 2)."""
    return 1 << (count - 1).bit_length() - 1
