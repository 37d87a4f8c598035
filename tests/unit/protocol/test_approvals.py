"""Requests and answers about approvals: signed, bound to each other, bounded."""

import secrets
import zlib
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.approvals import (
    MAX_ANSWER_BYTES,
    MAX_PACKED,
    MAX_REQUEST_BYTES,
    MAX_UNPACKED,
    ApprovalRequest,
    Ended,
    Looked,
    Proposal,
    decode_request,
    is_request,
    judge_answer,
    make_answer,
    make_request,
    pack,
    unpack,
)
from protocol.certificates import PrivateKey
from protocol.errors import RemoteProtocolError, TrustError
from tests.kit.organisation import Organisation

KEY = PrivateKey.generate()
ORGANISATION = Organisation()
SIGNER = ORGANISATION.signer()
NONCE = bytes(32)


def request(body: bytes = b"x", part: int = 1, parts: int = 1) -> bytes:
    return make_request(
        KEY, "share", organisation=ORGANISATION.id, role="scripts", at=1.0, nonce=NONCE, part=part, parts=parts, body=body
    )


def answer(document: bytes) -> bytes:
    return make_answer(document, "done", "well", key=SIGNER.login_key, leaf=SIGNER.login_chain[0], issued=2.0, body=b"y")


def judged(data: bytes, document: bytes) -> str:
    return judge_answer(data, document=document, root_der=ORGANISATION.root, wall=datetime.now(UTC)).text


def test_a_request_is_what_its_key_signed() -> None:
    document = request()
    assert is_request(document) and not is_request(b"") and not is_request(answer(document))
    read = decode_request(document)
    assert (read.action, read.role, read.body) == ("share", "scripts", b"x") and read.key == KEY.public.spki
    for name, value in (("body", b"z"), ("role", "policy"), ("at", 9.0), ("nonce", b"\1" * 32), ("action", "look")):
        changed = msgspec.structs.replace(read, **{name: value})
        with pytest.raises(TrustError, match="changed on its way"):
            decode_request(msgspec.msgpack.encode(changed))
    with pytest.raises(RemoteProtocolError, match="beyond the last"):
        decode_request(request(part=3, parts=2))
    with pytest.raises(RemoteProtocolError, match="at most"):
        decode_request(bytes(MAX_REQUEST_BYTES + 1))
    assert len(request(secrets.token_bytes(11_000))) <= MAX_REQUEST_BYTES


def test_an_answer_is_the_signers_and_to_this_request() -> None:
    document = request()
    assert judged(answer(document), document) == "well"
    with pytest.raises(TrustError, match="played an older answer again"):
        judged(answer(request(b"other")), document)
    fields = msgspec.msgpack.decode(answer(document))
    fields[3] = "other words"
    with pytest.raises(TrustError, match="changed on its way"):
        judged(msgspec.msgpack.encode(fields), document)
    technician = ORGANISATION.technician()
    other = make_answer(document, "done", "", key=technician.login_key, leaf=technician.login_chain[0], issued=2.0)
    with pytest.raises(TrustError, match="did not make it"):
        judged(other, document)
    with pytest.raises(RemoteProtocolError):
        judged(bytes(MAX_ANSWER_BYTES * 2), document)
    with pytest.raises(RemoteProtocolError):
        judged(b"\xc1", document)


def test_proposals_are_packed_within_bounds() -> None:
    looked = Looked(Proposal("scripts", b"{}", {"a/b": b"c"}), [Ended("scripts", 2, bytes(32), "withdrawn", "Bo", 1.0)])
    assert unpack(pack(looked), Looked) == looked
    with pytest.raises(TrustError, match="can be mailed"):
        pack(Proposal("scripts", secrets.token_bytes(MAX_PACKED), {}))
    with pytest.raises(RemoteProtocolError):
        unpack(zlib.compress(bytes(MAX_UNPACKED + 1)), Proposal)
    with pytest.raises(RemoteProtocolError):
        unpack(pack(looked) + b"more", Looked)
    with pytest.raises(RemoteProtocolError):
        unpack(pack(looked), Proposal)


@given(st.binary(max_size=300))
def test_nothing_but_documented_errors_come_of_other_bytes(data: bytes) -> None:
    for read in (decode_request, lambda data: unpack(data, Proposal), lambda data: judged(data, b"")):
        with pytest.raises((RemoteProtocolError, TrustError)):
            read(data)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_flipped_bit_of_a_request_goes_unnoticed(place: int, bit: int) -> None:
    document = bytearray(request())
    document[place % len(document)] ^= 1 << bit
    with pytest.raises((RemoteProtocolError, TrustError)):
        assert isinstance(decode_request(bytes(document)), ApprovalRequest)
