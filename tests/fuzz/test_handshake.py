"""Every byte of the handshake changed, one at a time, in both directions: it fails with a documented error, or nothing came of
the change; never does it lead to somebody else."""

import pytest

from tests.fuzz.targets import changed_handshake

# Bytes that TLS 1.3 itself ignores (RFC 8446, 5.1): the legacy version of the first plain records. They bind nothing.
# Two hellos and two records that only mark a change of cipher: which part meets them depends on the lengths of signatures.
MOST_IGNORED = 4
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_every_byte_counts(part: int) -> None:
    stood, length = changed_handshake({})
    assert stood and 2000 < length < 16384
    ignored = []
    for place in range(part, length, PARTS):
        stood, carried = changed_handshake({place: 1 << place % 8})
        if stood and place < carried:  # signatures differ in length by a byte or two: the last places may not be there
            ignored.append(place)
    assert len(ignored) <= MOST_IGNORED, ignored
