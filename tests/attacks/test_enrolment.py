"""Row 15: the relay between a computer that enrols and the signer: it swaps keys and names, answers in the signer's place, uses
a bundle again. A real enrolment over HTTP, a real issuer; the relay in between does what it likes."""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.enrolment import DeviceIdentity, enrol, load_identity
from agent.errors import NotEnrolled
from protocol.certificates import DeviceClaims, PrivateKey, issue_device_leaf, issue_login_leaf, make_request
from protocol.documents import (
    NO_TAG,
    Bundle,
    EnrolmentAnswer,
    EnrolmentRequest,
    decode_answer,
    decode_request,
    encode_request,
    request_digest,
)
from protocol.errors import HandrailError
from protocol.link_messages import Role
from technician_client.organisation.issuing import Issuer
from tests.kit.founded import Founded
from tests.kit.http_relay import HttpRelay, http_relay
from tests.kit.organisation import Organisation


class Scene:
    """An organisation, its issuer, a computer that enrols, and a relay in between."""

    def __init__(self, tmp_path: Path, relay: HttpRelay) -> None:
        self.relay = relay
        self.founded = Founded(tmp_path, relay=relay.url)
        self.founded.publish()
        self.issuer: Issuer = self.founded.issuer()
        self.bundle = self.founded.device_bundle(uses=1)
        self.home = tmp_path / "agent"
        self.issued: list[bytes] = []
        relay.answer = self.sign

    def sign(self, document: bytes) -> bytes:
        """What the honest signer makes of a document that reaches it."""
        answer = self.issuer.answer(document, datetime.now(UTC))
        self.issued += decode_answer(answer).chain[:1]
        return answer

    def swap(self, change: Callable[[EnrolmentRequest], EnrolmentRequest]) -> None:
        """The relay hands the signer another document than it was given."""

        def altered(document: bytes) -> bytes:
            request = decode_request(document)
            assert isinstance(request, EnrolmentRequest)
            return self.sign(encode_request(change(request)))

        self.relay.answer = altered

    def enrol(self, bundle: Bundle | None = None, home: Path | None = None) -> DeviceIdentity | None:
        """What comes of it."""
        try:
            return enrol(
                bundle or self.bundle,
                home or self.home,
                label="till 3",
                platform="linux",
                wall=lambda: datetime.now(UTC),
                random_bytes=secrets.token_bytes,
                wait_seconds=0.3,
            )
        except HandrailError:
            return None


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with http_relay() as relay:
        yield Scene(tmp_path, relay)


def test_without_a_hostile_relay_it_works(scene: Scene) -> None:
    assert scene.enrol() is not None
    assert len(scene.issued) == 1


@pytest.mark.attack(15, without=["enrolment_tag"])
def test_a_swapped_request_gets_no_certificate(scene: Scene) -> None:
    key, login = PrivateKey.generate(), PrivateKey.generate()
    scene.swap(
        lambda request: msgspec.structs.replace(request, session_request=make_request(key), login_request=make_request(login))
    )
    assert scene.enrol() is None
    assert scene.issued == []


@pytest.mark.attack(15, without=["enrolment_tag"])
@pytest.mark.parametrize("field", ["label", "platform", "login_request", "nonce"])
def test_not_one_field_can_be_edited(scene: Scene, field: str) -> None:
    values = {"label": "managing director", "platform": "x", "nonce": bytes(32)}
    scene.swap(
        lambda request: msgspec.structs.replace(request, **{field: values.get(field, make_request(PrivateKey.generate()))})
    )
    assert scene.enrol() is None
    assert scene.issued == []


@pytest.mark.attack(15, without=["answer_proof"])
def test_the_relay_cannot_answer_in_the_signers_place(scene: Scene) -> None:
    """It certifies the computer's own keys, in an organisation of the relay's making."""
    evil = Organisation("Example Ltd")

    def answer(document: bytes) -> bytes:
        from protocol.certificates import read_request

        request = decode_request(document)
        session, login = read_request(request.session_request), read_request(request.login_request)
        wall = datetime.now(UTC)
        ca, key = evil.cas[Role.DEVICE], evil.ca_keys[Role.DEVICE]
        more = {"ca_der": ca, "ca_key": key, "wall": wall, "random_bytes": secrets.token_bytes}
        from datetime import timedelta

        leaf = issue_device_leaf("victim", session, DeviceClaims("till 3", "default"), lifetime=timedelta(days=30), **more)
        login_leaf = issue_login_leaf(Role.DEVICE, "victim", login, **more)
        made = EnrolmentAnswer(
            request_digest(document), [leaf, ca], [login_leaf, ca], wall.timestamp(), "", "", secrets.token_bytes(32)
        )
        assert made.tag != NO_TAG
        return msgspec.msgpack.encode(made)

    scene.relay.answer = answer
    assert scene.enrol() is None
    with pytest.raises(NotEnrolled):
        load_identity(scene.home)


@pytest.mark.attack(15)
def test_an_answer_for_somebody_else_is_refused(scene: Scene, tmp_path: Path) -> None:
    """The relay keeps one computer's answer and gives it to another."""
    kept: list[bytes] = []
    scene.relay.answer = lambda document: kept.append(scene.sign(document)) or kept[0]
    assert scene.enrol() is not None
    assert scene.enrol(scene.founded.device_bundle(), tmp_path / "second") is None


@pytest.mark.attack(15, without=["bundle_uses"])
def test_a_bundle_that_was_used_up_enrols_nobody_else(scene: Scene, tmp_path: Path) -> None:
    assert scene.enrol() is not None
    assert scene.enrol(home=tmp_path / "second") is None
    assert len(scene.issued) == 1


@pytest.mark.attack(15)
def test_the_relay_never_sees_the_secret(scene: Scene) -> None:
    scene.enrol()
    seen = b"".join(scene.relay.documents) + repr(scene.relay.requests).encode()
    assert scene.bundle.secret not in seen
    assert scene.bundle.secret.hex().encode() not in seen
