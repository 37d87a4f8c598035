"""Writes the golden vectors: `python -m tests.vectors.make`. Everything in them is deterministic, keys and signatures included,
so that a difference to the files in this folder is a change of the wire (raise `protocol.version.PROTOCOL`; of a document, its
format) or a mistake."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.certificates import (
    Curve,
    DeviceClaims,
    PrivateKey,
    TechnicianClaims,
    issue_ca,
    issue_device_leaf,
    issue_login_leaf,
    issue_root,
    issue_signer_login_leaf,
    issue_technician_leaf,
    make_request,
    organisation_id,
)
from protocol.formats import canonical_json
from protocol.frames import padding_for, serialize_frame
from protocol.link import encode_link, login_payload
from protocol.link_messages import Role
from protocol.messages import encode_message
from protocol.pairing import commitment, short_authentication_string
from tests.vectors.documents import DOCUMENTS
from tests.vectors.examples import FRAMES, LINK_MESSAGES, MESSAGES

FOLDER = Path(__file__).parent
WALL = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ORIGIN = "https://relay.example:8443"


def plain(value: object) -> object:
    """A decoded MessagePack value as JSON; byte strings become {"hex": ...}."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def messages() -> object:
    """Every end-to-end message."""
    return [
        {"tag": message.__struct_config__.tag, "hex": data.hex(), "value": plain(msgspec.msgpack.decode(data))}
        for message in MESSAGES
        for data in [encode_message(message)]
    ]


def link_messages() -> object:
    """Every message of the link to the relay."""
    return [
        {"type": message.__struct_config__.tag, "hex": data.hex(), "value": plain(msgspec.msgpack.decode(data))}
        for message in LINK_MESSAGES
        for data in [encode_link(message)]
    ]


def frames() -> object:
    """Frames of every kind and every padding."""
    return [
        {
            "name": name,
            "kind": kind,
            "lane": int(lane),
            "payload": payload.hex(),
            "padding": padding_for(len(payload)),
            "hex": serialize_frame(kind, lane, payload).hex(),
        }
        for name, kind, lane, payload in FRAMES
    ]


def pairing() -> object:
    """Commitments and short authentication strings."""
    made = []
    for number in range(4):
        exporter, nonce_t, nonce_a, key_t, key_a = (
            hashlib.sha256(b"%d %s" % (number, part)).digest()
            for part in [b"exporter", b"nonce t", b"nonce a", b"key t", b"key a"]
        )
        made.append((exporter, nonce_t, nonce_a, key_t, key_a))
    return [
        {
            "exporter": exporter.hex(),
            "technician_nonce": nonce_t.hex(),
            "agent_nonce": nonce_a.hex(),
            "technician_key": key_t.hex(),
            "agent_key": key_a.hex(),
            "commit": commitment(nonce_t).hex(),
            "sas": short_authentication_string(
                exporter, technician_nonce=nonce_t, agent_nonce=nonce_a, technician_key=key_t, agent_key=key_a
            ),
        }
        for exporter, nonce_t, nonce_a, key_t, key_a in made
    ]


def known_key(name: str, curve: Curve = "P-256") -> PrivateKey:
    """A key that everybody knows."""
    number = int.from_bytes(hashlib.sha256(f"handrail test key {name}".encode()).digest(), "big") >> 1
    return PrivateKey(ec.derive_private_key(number, ec.SECP384R1() if curve == "P-384" else ec.SECP256R1()))


def serials(name: str) -> Callable[[int], bytes]:
    """The random bytes of a serial number, not random."""
    return lambda size: hashlib.sha256(name.encode()).digest()[:size]


def certificates() -> object:
    """A whole organisation: its certificates, whom each chain names, a request and a login."""
    root_key = known_key("root", "P-384")
    root = issue_root(root_key, name="Golden Ltd", wall=WALL, random_bytes=serials("root"))
    organisation = organisation_id(root)
    ca_keys = {role: known_key(f"{role.value} ca") for role in (Role.DEVICE, Role.TECHNICIAN)}
    cas = {
        role: issue_ca(role, ca_key=key.public, root_der=root, root_key=root_key, wall=WALL, random_bytes=serials(role.value))
        for role, key in ca_keys.items()
    }
    device, technician, login, signer = (known_key(name) for name in ("device", "technician", "login", "signer"))
    device_leaf = issue_device_leaf(
        "dev1",
        device.public,
        DeviceClaims("Büro 3", "front"),
        ca_der=cas[Role.DEVICE],
        ca_key=ca_keys[Role.DEVICE],
        lifetime=timedelta(days=30),
        wall=WALL,
        random_bytes=serials("device leaf"),
    )
    technician_leaf = issue_technician_leaf(
        "ana1",
        technician.public,
        TechnicianClaims("Ana Ruiz", 2, ["front"]),
        ca_der=cas[Role.TECHNICIAN],
        ca_key=ca_keys[Role.TECHNICIAN],
        lifetime=timedelta(hours=12),
        wall=WALL,
        random_bytes=serials("technician leaf"),
    )
    login_leaf = issue_login_leaf(
        Role.DEVICE,
        "dev1",
        login.public,
        ca_der=cas[Role.DEVICE],
        ca_key=ca_keys[Role.DEVICE],
        wall=WALL,
        random_bytes=serials("login leaf"),
    )
    signer_leaf = issue_signer_login_leaf(
        signer.public, root_der=root, root_key=root_key, wall=WALL, random_bytes=serials("signer leaf")
    )
    nonce = bytes(range(32))
    payload = login_payload(ORIGIN, nonce, Role.DEVICE)
    device_ca, technician_ca = cas[Role.DEVICE].hex(), cas[Role.TECHNICIAN].hex()

    def chain(role: Role, purpose: str, peer: str, ders: list[str], claims: object) -> dict[str, object]:
        return {"role": role.value, "purpose": purpose, "peer": peer, "chain": ders, "claims": claims}

    return {
        "wall": WALL.isoformat(),
        "root": root.hex(),
        "organisation": organisation,
        "organisation_name": "Golden Ltd",
        "chains": [
            chain(Role.DEVICE, "session", "dev1", [device_leaf.hex(), device_ca], {"label": "Büro 3", "group": "front"}),
            chain(
                Role.TECHNICIAN,
                "session",
                "ana1",
                [technician_leaf.hex(), technician_ca],
                {"name": "Ana Ruiz", "tier": 2, "groups": ["front"]},
            ),
            chain(Role.DEVICE, "login", "dev1", [login_leaf.hex(), device_ca], None),
            chain(Role.SIGNER, "login", "signer", [signer_leaf.hex()], None),
        ],
        "request": {"hex": make_request(device, "hint").hex(), "spki": device.public.spki.hex()},
        "login": {
            "origin": ORIGIN,
            "nonce": nonce.hex(),
            "role": "device",
            "leaf": login_leaf.hex(),
            "payload": payload.hex(),
            "signature": login.sign(payload).hex(),
        },
    }


def documents() -> object:
    """Every signed document, as the bytes that are signed."""
    return [{"name": name, "text": canonical_json(document).decode()} for name, document in DOCUMENTS.items()]


FILES: dict[str, Callable[[], object]] = {
    "messages.json": messages,
    "link_messages.json": link_messages,
    "frames.json": frames,
    "pairing.json": pairing,
    "certificates.json": certificates,
    "documents.json": documents,
}


def render(name: str) -> str:
    """What the file should hold."""
    return json.dumps(FILES[name](), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for file in FILES:
        (FOLDER / file).write_text(render(file), encoding="utf-8")
