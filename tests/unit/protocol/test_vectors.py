"""The golden vectors: what is on the wire today is what was on it when they were made."""

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from protocol.certificates import PublicKey, Role, check_chain, organisation_id, organisation_name, read_request
from protocol.errors import TrustError
from protocol.frames import FrameConnection
from protocol.link import decode_link, encode_link
from protocol.link_messages import AnyLinkMessage
from protocol.messages import REGISTRY, Lane, decode_message, encode_message
from protocol.pairing import check_commitment, short_authentication_string
from tests.vectors.examples import LINK_MESSAGES, MESSAGES
from tests.vectors.make import FILES, FOLDER, plain, render


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def test_every_message_has_a_vector() -> None:
    assert {entry["tag"] for entry in load("messages.json")} == set(REGISTRY)
    assert {entry["type"] for entry in load("link_messages.json")} == {
        kind.__struct_config__.tag for kind in AnyLinkMessage.__args__
    }


@pytest.mark.parametrize("name", FILES)
def test_the_wire_has_not_changed(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == render(name), (
        "raise protocol.version.PROTOCOL (of a document its format), or undo the change"
    )


@pytest.mark.parametrize(("entry", "message"), list(zip(load("messages.json"), MESSAGES, strict=True)), ids=lambda item: "")
def test_messages_decode_to_what_they_were(entry: dict[str, Any], message: object) -> None:
    data = bytes.fromhex(entry["hex"])
    assert decode_message(data) == message
    assert encode_message(message).hex() == entry["hex"]  # type: ignore[arg-type]
    assert plain(msgspec.msgpack.decode(data)) == entry["value"]


@pytest.mark.parametrize(
    ("entry", "message"), list(zip(load("link_messages.json"), LINK_MESSAGES, strict=True)), ids=lambda item: ""
)
def test_link_messages_decode_to_what_they_were(entry: dict[str, Any], message: object) -> None:
    data = bytes.fromhex(entry["hex"])
    assert decode_link(data, 10_000) == message
    assert encode_link(message).hex() == entry["hex"]  # type: ignore[arg-type]


@pytest.mark.parametrize("entry", load("frames.json"), ids=lambda entry: entry["name"])
def test_frames_carry_what_they_did(entry: dict[str, Any]) -> None:
    data, payload, lane = bytes.fromhex(entry["hex"]), bytes.fromhex(entry["payload"]), Lane(entry["lane"])
    connection = FrameConnection()
    if entry["kind"] == 1:
        assert connection.receive_data(data) == [(lane, payload)]
        sender = FrameConnection()
        sender.send_message(lane, payload)
        assert sender.data_to_send() == data
    elif entry["kind"] == 0:
        assert connection.receive_data(data) == []
    else:
        spender = FrameConnection()
        spender.send_message(lane, bytes(70_000))
        while spender.data_to_send():
            pass
        assert spender.receive_data(data) == []


@pytest.mark.parametrize("entry", load("pairing.json"), ids=lambda entry: entry["sas"])
def test_short_authentication_strings_are_what_they_were(entry: dict[str, str]) -> None:
    values = {name: bytes.fromhex(text) for name, text in entry.items() if name != "sas"}
    check_commitment(values.pop("commit"), values["technician_nonce"])
    assert short_authentication_string(values.pop("exporter"), **values) == entry["sas"]


def test_certificates_name_whom_they_named() -> None:
    golden = load("certificates.json")
    root, wall = bytes.fromhex(golden["root"]), datetime.fromisoformat(golden["wall"])
    assert organisation_id(root) == golden["organisation"]
    assert organisation_name(root) == golden["organisation_name"]
    for entry in golden["chains"]:
        chain = [bytes.fromhex(der) for der in entry["chain"]]
        for role in Role:
            if role.value == entry["role"]:
                found = check_chain(chain, root_der=root, expected=role, purpose=entry["purpose"], wall=wall)
                assert found.peer == entry["peer"]
                assert msgspec.to_builtins(found.claims) == entry["claims"]
            else:
                with pytest.raises(TrustError):
                    check_chain(chain, root_der=root, expected=role, purpose=entry["purpose"], wall=wall)


def test_requests_and_logins_verify_as_they_did() -> None:
    golden = load("certificates.json")
    assert read_request(bytes.fromhex(golden["request"]["hex"])).spki.hex() == golden["request"]["spki"]
    login = golden["login"]
    leaf, payload = bytes.fromhex(login["leaf"]), bytes.fromhex(login["payload"])
    PublicKey.of_certificate(leaf).verify(bytes.fromhex(login["signature"]), payload)
    expected = [b"handrail login v1", login["origin"].encode(), bytes.fromhex(login["nonce"]), login["role"].encode()]
    assert payload == b"\0".join(expected)
    # And once with nothing of ours between.
    key = x509.load_der_x509_certificate(leaf).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(bytes.fromhex(login["signature"]), payload, ec.ECDSA(SHA256()))
