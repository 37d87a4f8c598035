"""Every message type: round trips, and garbage."""

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import UndecodableMessage
from protocol.messages import REGISTRY, Message, UnknownMessage, decode_message, encode_message, rule_of
from protocol.messages.forward import ForwardOpen
from protocol.messages.logs import LogFollow
from protocol.messages.terminal import TerminalOpen, TerminalOpenRoot


@pytest.mark.parametrize("tag", sorted(REGISTRY))
@settings(max_examples=15)
@given(data=st.data())
def test_every_message_comes_back_as_it_was(tag: str, data: st.DataObject) -> None:
    fields = {}
    for field in msgspec.structs.fields(REGISTRY[tag].kind):
        if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
            schema = msgspec.json.schema(field.type)
            fields[field.name] = data.draw(_values(field.type, schema), label=field.name)
    message = msgspec.convert([tag, *fields.values()], REGISTRY[tag].kind)
    assert decode_message(encode_message(message)) == message
    assert rule_of(message) is REGISTRY[tag]


def _values(kind: object, schema: dict[str, object]) -> st.SearchStrategy[object]:
    """Plain values that msgspec converts into the field's type, within the bounds of its schema."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[1]
        return _values(kind, schema["$defs"][name])  # type: ignore[index]
    if "enum" in schema:
        return st.sampled_from(list(schema["enum"]))  # type: ignore[call-overload]
    match schema.get("type"):
        case "integer":
            return st.integers(int(schema.get("minimum", 0)), int(schema.get("maximum", 2**31)))  # type: ignore[call-overload]
        case "number":
            return st.floats(float(schema.get("minimum", 0)), float(schema.get("maximum", 1e9)), allow_nan=False)  # type: ignore[arg-type]
        case "boolean":
            return st.booleans()
        case "string" if schema.get("contentEncoding") == "base64":
            found = re.search(r"min_length=(\d+)", str(kind))
            low = int(found.group(1)) if found else 0
            return st.binary(min_size=low, max_size=low or 64)
        case "string" if "pattern" in schema:
            return st.from_regex(str(schema["pattern"]), fullmatch=True).filter(lambda text: "\n" not in text)
        case "string":
            return st.text(max_size=min(30, int(schema.get("maxLength", 30))))  # type: ignore[call-overload]
        case "array":
            return st.just([])
        case "object":
            return st.just({})
    raise AssertionError(f"no strategy for {schema}")


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_garbage_is_undecodable_and_nothing_else(data: bytes) -> None:
    try:
        assert isinstance(decode_message(data), Message | UnknownMessage)
    except UndecodableMessage as error:
        assert "does not decode" in str(error)


@given(st.text(min_size=1, max_size=60).filter(lambda tag: tag not in REGISTRY), st.lists(st.integers(), max_size=3))
def test_types_of_the_future_are_noticed(tag: str, fields: list[int]) -> None:
    bounded = [max(-(2**63), min(field, 2**64 - 1)) for field in fields]
    assert decode_message(msgspec.msgpack.encode([tag, *bounded])) == UnknownMessage(tag[:64])


def test_fields_of_the_future_are_ignored() -> None:
    assert decode_message(msgspec.msgpack.encode(["session.ping", 5, "new", [1]])) == decode_message(
        msgspec.msgpack.encode(["session.ping", 5])
    )


def test_deep_nesting_does_not_exhaust_the_stack() -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(b"\x91" * 100_000 + b"\x01")


@pytest.mark.parametrize("data", [b"\x92\xa4\xff\xfe\xff\xfe\x01", b"\x93\xacchat.message\xa2\xff\xfe\x01", b"\x91\xa1\xff"])
def test_text_that_is_not_utf8_is_undecodable(data: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        decode_message(data)


@pytest.mark.parametrize(
    "message",
    [
        TerminalOpen(1, 80, 24, command="ls\0"),
        TerminalOpenRoot(1, 80, 24, command="\0"),
        ForwardOpen(1, 80, "127.0.0.1\0.evil"),
        ForwardOpen(1, 80, "a b"),
        LogFollow(1, source="/var/log/x\0"),
        LogFollow(1, unit="x\0"),
    ],
)
def test_what_the_system_would_cut_short_is_no_message(message: Message) -> None:
    """A NUL ends a string in argv, paths and host names: what was looked at would not be what is used."""
    with pytest.raises(UndecodableMessage):
        decode_message(encode_message(message))
