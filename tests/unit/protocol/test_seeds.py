"""The seed file: what it pins, and what is none."""

import json
from typing import Any

import pytest

from protocol.documents import canonical_json
from protocol.errors import TrustError
from protocol.seeds import MAX_SEED_BYTES, Seed, decode_seed
from tests.kit.organisation import Organisation

ORGANISATION = Organisation("Example Ltd")
SEED = Seed(
    organisation_name="Example Ltd",
    root=ORGANISATION.root,
    tuf_root=b"{}",
    relay="https://relay.example:8443",
    relay_spki="ab" * 32,
)


def test_a_seed_comes_back_and_names_its_organisation_by_the_root() -> None:
    assert decode_seed(canonical_json(SEED)) == SEED
    assert SEED.organisation == ORGANISATION.id
    assert not [name for name in Seed.__struct_fields__ if "secret" in name or "key" in name]


@pytest.mark.parametrize(
    "change",
    [
        {"organisation_name": "Another Ltd"},
        {"organisation_name": ""},
        {"root": ""},
        {"root": "AAAA"},
        {"relay": "relay.example"},
        {"relay": "https://relay.example/path?x=1"},
        {"relay_spki": "AB"},
        {"v": 2},
        {"kind": "device"},
        {"secret": "AAAA"},
    ],
    ids=str,
)
def test_anything_else_is_refused_and_says_where_to_get_one(change: dict[str, Any]) -> None:
    document = {**json.loads(canonical_json(SEED)), **change}
    with pytest.raises(TrustError):
        decode_seed(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"{" * 9999, bytes(MAX_SEED_BYTES + 1)], ids=len)
def test_garbage_is_no_seed(data: bytes) -> None:
    with pytest.raises(TrustError, match="handrail org seed"):
        decode_seed(data)
