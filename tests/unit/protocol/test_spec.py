"""SPEC.md says what the code does: every message with its direction, lane, capability and fields."""

from pathlib import Path

import msgspec
import pytest

import protocol
from protocol.certificate_profile import LONGEST_LIFE, OID_CLAIMS
from protocol.limits import LIMITS
from protocol.link import PEER_SAYS, RELAY_SAYS
from protocol.link_messages import AnyLinkMessage, LinkMessage, Login, Role
from protocol.messages import REGISTRY
from protocol.version import ALPN

SPEC = (Path(protocol.__file__).parent / "SPEC.md").read_text(encoding="utf-8")
WHO = {"technician": "T", "agent": "A", "both": "both"}


@pytest.mark.parametrize("tag", sorted(REGISTRY))
def test_the_table_of_messages_is_true(tag: str) -> None:
    rule = REGISTRY[tag]
    fields = [
        field.name + ("?" if field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT else "")
        for field in msgspec.structs.fields(rule.kind)
    ]
    needs = rule.capability.value if rule.capability else "-"
    row = f"| `{tag}` | {WHO[rule.sender.value]} | {rule.lane.name.lower()} | {needs} | {', '.join(fields) or '-'} |"
    assert row in SPEC


@pytest.mark.parametrize("kind", AnyLinkMessage.__args__, ids=lambda kind: kind.__struct_config__.tag)
def test_the_table_of_link_messages_is_true(kind: type[LinkMessage]) -> None:
    fields = [field.name + ("?" if field.default is not msgspec.NODEFAULT else "") for field in msgspec.structs.fields(kind)]
    sayers = [role.value for role in Role if kind in PEER_SAYS[role]]
    hearers = [role.value for role in Role if kind in RELAY_SAYS[role]]
    sender, roles = ("peer", sayers) if sayers else ("relay", hearers)
    if not roles:
        sender, who = ("peer" if kind is Login else "relay"), "before login"
    else:
        who = "every" if len(roles) == len(Role) else ", ".join(roles)
    row = f"| `{kind.__struct_config__.tag}` | {sender} | {who} | {', '.join(fields) or '-'} |"
    assert row in SPEC


def test_identifiers_and_limits_of_certificates_and_channel_are_true() -> None:
    assert f"`{OID_CLAIMS.dotted_string.removesuffix('.2')}`" in SPEC
    for role, purpose, text in ((Role.DEVICE, "session", "| 90 d |"), (Role.TECHNICIAN, "session", "| 7 d |")):
        assert f"| {LONGEST_LIFE[role, purpose].days} d |" == text
        assert text in SPEC
    assert f"| ALPN | `{ALPN.decode()}`" in SPEC
    assert f"at most {LIMITS.handshake_bytes // 1024} KiB received and {LIMITS.handshake_seconds:g} s" in SPEC
    assert f"at most {LIMITS.link_login_bytes // 1024} KiB, afterwards {LIMITS.link_message_bytes // 1024} KiB" in SPEC
    assert f"within {LIMITS.link_login_seconds:g} s" in SPEC
