"""SPEC.md says what the code does: every message with its direction, lane, capability and fields."""

from pathlib import Path

import msgspec
import pytest

import protocol
from protocol.messages import REGISTRY

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
