"""Bounds of what files may say on the wire."""

import msgspec
import pytest

from protocol.capabilities import Capability
from protocol.errors import UndecodableMessage
from protocol.messages import REGISTRY, Lane, Sender, decode_message
from protocol.messages.files import CHUNK_BYTES, FileChunk, FileEnd, FileFinish, FilePiece


def test_what_ends_a_file_comes_behind_its_bytes() -> None:
    assert {kind.LANE for kind in (FileChunk, FileFinish, FilePiece, FileEnd)} == {Lane.BULK}


def test_each_direction_needs_its_own_grant() -> None:
    asked = {tag: rule for tag, rule in REGISTRY.items() if tag.startswith("files.") and rule.sender is Sender.TECHNICIAN}
    both = {Capability.FILES_IN: set[str](), Capability.FILES_OUT: set[str](), None: set[str]()}
    for tag, rule in asked.items():
        both[rule.capability].add(tag.removeprefix("files."))  # type: ignore[index]  # a file message needs one of these
    assert both == {
        Capability.FILES_IN: {"put", "chunk", "finish", "folder"},
        Capability.FILES_OUT: {"list", "get", "taken"},
        None: {"stop"},
    }


@pytest.mark.parametrize(
    "raw",
    [
        ["files.list", 1, b"x" * 4097],
        ["files.list", 1, "text"],
        ["files.put", 1, b"a", -1],
        ["files.put", 1, b"a", 2**53],
        ["files.put", 1, b"a", 1, 0.0, 0o4755],
        ["files.put", 1, b"a", 1, 0.0, 0o644, "overwrite"],
        ["files.chunk", 1, 0, b"x" * (CHUNK_BYTES + 1)],
        ["files.chunk", 1, 0, b""],
        ["files.finish", 1, b"short"],
        ["files.entries", 1, b"", [[b"x" * 256, "file", 1, 0.0]]],
        ["files.entries", 1, b"", [[b"a", "file", 1, 0.0]] * 2001],
    ],
)
def test_what_is_out_of_bounds_does_not_decode(raw: list[object]) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(msgspec.msgpack.encode(raw))
