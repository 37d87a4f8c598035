"""Judging what comes back from an enrolment: only the signer's answer to this very request, for these very keys, is believed."""

import secrets
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from protocol.certificates import DeviceClaims, PrivateKey, Role, issue_device_leaf, issue_login_leaf
from protocol.documents import (
    NO_TAG,
    Bundle,
    EnrolmentAnswer,
    RenewalRequest,
    decode_request,
    renewal_bytes,
    request_digest,
    tag_answer,
)
from protocol.enrolment import (
    check_bundle,
    check_clock,
    judge_answer,
    key_words,
    make_enrolment,
    make_renewal,
    renewal_due,
)
from protocol.errors import RefusalReason, Refused, TrustError, UndecodableMessage
from tests.kit.organisation import Organisation

ORGANISATION = Organisation()
WALL = ORGANISATION.wall
SECRET = bytes(range(32))
KEY, LOGIN = PrivateKey.generate(), PrivateKey.generate()
BUNDLE = Bundle(
    kind="device",
    org=ORGANISATION.id,
    organisation_name="Example",
    root=ORGANISATION.root,
    tuf_root=b"{}",
    relay="https://relay.example",
    token_id="f" * 16,
    secret=SECRET,
    expires=(WALL + timedelta(days=1)).timestamp(),
)
REQUEST = make_enrolment(BUNDLE, KEY, LOGIN, label="till", platform="linux", random_bytes=secrets.token_bytes)


def leaf(key: PrivateKey, peer: str = "abc", organisation: Organisation = ORGANISATION) -> bytes:
    return issue_device_leaf(
        peer,
        key.public,
        DeviceClaims("till", "front"),
        ca_der=organisation.cas[Role.DEVICE],
        ca_key=organisation.ca_keys[Role.DEVICE],
        lifetime=timedelta(days=60),
        wall=WALL,
        random_bytes=secrets.token_bytes,
    )


def login_leaf(key: PrivateKey, peer: str = "abc") -> bytes:
    return issue_login_leaf(
        Role.DEVICE,
        peer,
        key.public,
        ca_der=ORGANISATION.cas[Role.DEVICE],
        ca_key=ORGANISATION.ca_keys[Role.DEVICE],
        wall=WALL,
        random_bytes=secrets.token_bytes,
    )


def answer(**changes: object) -> EnrolmentAnswer:
    ca = ORGANISATION.cas[Role.DEVICE]
    good = EnrolmentAnswer(request_digest(REQUEST), [leaf(KEY), ca], [login_leaf(LOGIN), ca], WALL.timestamp(), "", "", NO_TAG)
    return msgspec.structs.replace(good, **changes)


def judged(document: EnrolmentAnswer, *, secret: bytes | None = SECRET, wall: datetime = WALL) -> object:
    return judge_answer(
        msgspec.msgpack.encode(document),
        request=REQUEST,
        secret=secret,
        root_der=ORGANISATION.root,
        role=Role.DEVICE,
        session_key=KEY,
        login_key=LOGIN,
        wall=wall,
    )


def test_a_good_answer_is_believed() -> None:
    enrolled = judge_answer(
        msgspec.msgpack.encode(tag_answer(answer(), SECRET)),
        request=REQUEST,
        secret=SECRET,
        root_der=ORGANISATION.root,
        role=Role.DEVICE,
        session_key=KEY,
        login_key=LOGIN,
        wall=WALL,
    )
    assert enrolled.identity.peer == "abc" and len(enrolled.chain) == len(enrolled.login_chain) == 2
    judged(answer(), secret=None)


def test_what_is_not_the_signers_answer_to_this_request_is_not_believed() -> None:
    stranger = Organisation("Stranger")
    ca = ORGANISATION.cas[Role.DEVICE]
    hostile = [
        answer(),
        tag_answer(answer(), bytes(32)),
        tag_answer(answer(request=bytes(32)), SECRET),
        tag_answer(answer(chain=[leaf(PrivateKey.generate()), ca]), SECRET),
        tag_answer(answer(login_chain=[login_leaf(PrivateKey.generate()), ca]), SECRET),
        tag_answer(answer(login_chain=[login_leaf(LOGIN, "other"), ca]), SECRET),
        tag_answer(answer(chain=[leaf(KEY, organisation=stranger), stranger.cas[Role.DEVICE]]), SECRET),
        tag_answer(answer(chain=[login_leaf(KEY), ca]), SECRET),
        tag_answer(answer(login_chain=[]), SECRET),
    ]
    for document in hostile:
        with pytest.raises(TrustError):
            judged(document)
    with pytest.raises(UndecodableMessage):
        judge_answer(
            b"\xff",
            request=REQUEST,
            secret=SECRET,
            root_der=ORGANISATION.root,
            role=Role.DEVICE,
            session_key=KEY,
            login_key=LOGIN,
            wall=WALL,
        )


def test_a_refusal_keeps_its_reason_and_says_whether_it_is_signed() -> None:
    refusal = answer(chain=[], login_chain=[], reason="limit", text="It is used up.\x1b[2J")
    with pytest.raises(Refused) as signed:
        judged(tag_answer(refusal, SECRET))
    assert signed.value.reason is RefusalReason.LIMIT and "\x1b" not in str(signed.value)
    assert "not signed" not in str(signed.value)
    with pytest.raises(Refused, match="not signed"):
        judged(refusal)
    with pytest.raises(Refused) as strange:
        judged(tag_answer(answer(chain=[], reason="whatever", text=""), SECRET))
    assert strange.value.reason is RefusalReason.INVALID


def test_a_clock_that_is_behind_is_named() -> None:
    good = tag_answer(answer(), SECRET)
    with pytest.raises(TrustError, match="timedatectl set-ntp true"):
        judged(good, wall=WALL - timedelta(days=1))
    judged(good, wall=WALL + timedelta(days=1))
    check_clock(None, WALL, "the relay")
    check_clock(WALL + timedelta(minutes=9), WALL, "the relay")
    for apart in (timedelta(days=1), timedelta(days=-1)):
        with pytest.raises(TrustError, match="the relay says"):
            check_clock(WALL + apart, WALL, "the relay")


def test_a_bundle_must_be_of_the_right_kind_and_not_too_old() -> None:
    check_bundle(BUNDLE, kind="device", wall=WALL)
    with pytest.raises(TrustError, match="handrail-agent enrol"):
        check_bundle(BUNDLE, kind="technician", wall=WALL)
    with pytest.raises(TrustError, match="handrail join"):
        check_bundle(msgspec.structs.replace(BUNDLE, kind="technician"), kind="device", wall=WALL)
    with pytest.raises(TrustError, match="clock says"):
        check_bundle(BUNDLE, kind="device", wall=WALL + timedelta(days=2))


def test_a_renewal_is_signed_by_the_key_it_renews() -> None:
    device = ORGANISATION.device()
    document = make_renewal(
        Role.DEVICE,
        ORGANISATION.id,
        device.chain,
        device.key,
        LOGIN,
        label="x" * 300,
        platform="",
        random_bytes=secrets.token_bytes,
    )
    request = decode_request(document)
    assert isinstance(request, RenewalRequest) and len(request.label) == 100
    device.key.public.verify(request.signature, renewal_bytes(request))


def test_renewal_is_due_after_two_thirds() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + timedelta(days=90)
    assert not renewal_due(start, end, start + timedelta(days=59))
    assert renewal_due(start, end, start + timedelta(days=60)) and renewal_due(start, end, end + timedelta(days=1))


def test_key_words_can_be_read_aloud() -> None:
    words = key_words(bytes(range(32))).split()
    assert len(words) == 8 and all(len(word) == 4 and word.isalnum() for word in words)
    assert key_words(bytes(range(32))) != key_words(bytes(reversed(range(32))))
