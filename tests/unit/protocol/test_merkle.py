"""The tree over the audit chain, against the plain definition of RFC 9162 and against every lie that is one change away."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import TrustError
from protocol.merkle import (
    EMPTY_ROOT,
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    range_root,
)


class Tree:
    """A log as the agent keeps it: leaves by number, full subtrees by level and position."""

    def __init__(self, size: int) -> None:
        self.leaves = [leaf_hash(str(number).encode()) for number in range(size)]
        self.frontier = Frontier()
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.roots = [EMPTY_ROOT]
        for leaf in self.leaves:
            for level, position, root in self.frontier.append(leaf):
                self.nodes[level, position] = root
            self.roots.append(self.frontier.root())

    def lookup(self, level: int, position: int) -> bytes:
        return self.nodes[level, position]


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


TREE = Tree(40)


def test_roots_are_those_of_the_definition() -> None:
    for size in range(41):
        assert TREE.roots[size] == plain_root(TREE.leaves[:size])
        assert Frontier.of(size, TREE.lookup).root() == TREE.roots[size]
        assert range_root(TREE.lookup, 0, size) == TREE.roots[size]


def test_known_roots() -> None:
    """The published vectors of RFC 6962 implementations: leaves "", 00, 10, 2021 ..."""
    data = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"]
    frontier = Frontier()
    for item in data:
        frontier.append(leaf_hash(item))
    assert frontier.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_every_leaf_is_shown_to_be_where_it_is() -> None:
    for size in range(1, 41):
        for index in range(size):
            proof = inclusion_proof(TREE.lookup, index, size)
            check_inclusion(TREE.leaves[index], index, size, proof, TREE.roots[size])


def test_every_tree_is_shown_to_continue_every_smaller_one() -> None:
    for new in range(41):
        for old in range(new + 1):
            check_consistency(old, TREE.roots[old], new, TREE.roots[new], consistency_proof(TREE.lookup, old, new))


@given(st.integers(1, 40), st.data())
def test_no_other_leaf_place_root_or_proof_passes(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(TREE.lookup, index, size)
    other = data.draw(st.integers(0, size).filter(lambda value: value != index))
    for leaf, place, path, root in (
        (leaf_hash(b"other"), index, proof, TREE.roots[size]),
        (TREE.leaves[index], other, proof, TREE.roots[size]),
        (TREE.leaves[index], index, proof, TREE.roots[size - 1]),
        (TREE.leaves[index], index, [*proof, bytes(32)], TREE.roots[size]),
        (TREE.leaves[index], index, proof[:-1] if proof else [bytes(32)], TREE.roots[size]),
        (TREE.leaves[index], index, [bytes(32)] * 65, TREE.roots[size]),
    ):
        with pytest.raises(TrustError):
            check_inclusion(leaf, place, size, path, root)


@given(st.integers(1, 40), st.data())
def test_no_history_that_was_changed_passes(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof = consistency_proof(TREE.lookup, old, new)
    for old_size, old_root, new_size, new_root, path in (
        (old, bytes(32), new, TREE.roots[new], proof),
        (old, TREE.roots[old], new, bytes(32), proof),
        (old, TREE.roots[old], old - 1, TREE.roots[old - 1], proof),
        (old, TREE.roots[old], new, TREE.roots[new], [*proof, bytes(32)]),
        (old, TREE.roots[old], new, TREE.roots[new], [bytes(32)] * 65),
    ):
        with pytest.raises(TrustError):
            check_consistency(old_size, old_root, new_size, new_root, path)
    if proof:
        with pytest.raises(TrustError):
            check_consistency(old, TREE.roots[old], new, TREE.roots[new], proof[:-1])
    with pytest.raises(TrustError):
        check_consistency(0, bytes(32), new, TREE.roots[new], [])


@given(st.integers(0, 2**63), st.integers(0, 2**63), st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_rubbish_ends_in_one_kind_of_error(old: int, new: int, proof: list[bytes]) -> None:
    with pytest.raises(TrustError):
        check_consistency(old, bytes(32), new, bytes(range(32)), proof)
    with pytest.raises(TrustError):
        check_inclusion(bytes(32), old, new, proof, bytes(range(32)))


def test_a_proof_for_nothing_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(TREE.lookup, 5, 5)
    with pytest.raises(ValueError, match="cannot have become"):
        consistency_proof(TREE.lookup, 6, 5)
