"""Formats of the signed documents: how a reader meets one of a later version, and how a writer spares earlier readers.

A document's `v` is the least format that its reader has to know. The rules:

- What is new in a format is written only where it is used. A document that leaves every newer field at its default has neither
  the field nor the higher `v`, so that readers of every earlier version go on reading it. A default therefore never changes.
- A document of a later format is refused whole (`NeedsUpdate`, which says from which version on it is read: its `reader`).
  A field that this version does not know may be a restriction; what is not understood never counts as not said.
- A key that begins with "_" is a note: it restricts nothing, and whoever does not know it skips it. Every other unknown key
  refuses the document, of whatever format it says it is.
- A list that only ever allows (`OPEN_LISTS`, see `protocol.documents.Document`) may name what this version does not have: it
  cannot do that, so it skips the name.

Whoever changes a document reads it by `whole=True`: what would be skipped, and so lost, is then refused too.

Pure: no clock, no I/O, no randomness.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, TypeVar

import msgspec

from protocol.errors import NeedsUpdate, TrustError
from protocol.version import PRODUCT

NEWEST_FORMAT: Final = 2
READ_SINCE: Final[Mapping[int, str]] = {1: "0.1.0", NEWEST_FORMAT: "0.2.0"}
"""By format, the first version of the programs that reads it."""
NOTE: Final = "_"
READER: Final = "reader"
LATER: Final = f"> {PRODUCT}"
_NAME_CHARS: Final = 40
_WORDS: Final = re.compile(r"(?<!^)(?=[A-Z])")

Format = Annotated[int, msgspec.Meta(ge=1, le=NEWEST_FORMAT)]
Reader = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9]{1,6}(?:\.[0-9]{1,6}){0,3})?\Z")]
T = TypeVar("T")


class _Header(msgspec.Struct, frozen=True):
    """What every reader can read of every format."""

    v: Annotated[int, msgspec.Meta(ge=1)] = 1
    reader: Reader = ""


def canonical_json(document: msgspec.Struct) -> bytes:
    """A document as the bytes that are hashed and signed: UTF-8 JSON, keys sorted, no spaces; newer fields that say nothing are
    left out, and `v` and `reader` follow from those that are there."""
    plain = msgspec.to_builtins(document)
    needed = _leave_out(document, plain)
    if READER in document.__struct_fields__:
        del plain[READER]  # what it said before it was changed
        plain |= {"v": needed} | ({READER: READ_SINCE[needed]} if needed > 1 else {})
    return msgspec.json.encode(plain, order="sorted")


def format_of(document: msgspec.Struct) -> int:
    """The least format that a reader of this document has to know."""
    return _leave_out(document, msgspec.to_builtins(document))


def decode_document(data: bytes, kind: type[T], *, whole: bool = False) -> T:
    """Read a JSON document. `whole`: nothing of it is skipped, because it is going to be written anew.

    Raises:
        NeedsUpdate: it is of a later format than this version reads.
        TrustError: not such a document; the text names the field.
    """
    try:
        check_format(data, _WORDS.sub(" ", kind.__name__).lower())
        plain = msgspec.json.decode(data)
        known = _skip(plain, getattr(kind, "OPEN_LISTS", {}))
        if whole and known != plain:
            raise NeedsUpdate(
                f"This {kind.__name__} says things that this version of Handrail ({PRODUCT}) does not know and would lose. "
                "Change it with the version that wrote it, or a later one.",
                reader=LATER,
            )
        # From bytes again: what JSON gives for base64 and numbers is converted by the same rules as ever.
        return msgspec.json.decode(data if known == plain else msgspec.json.encode(known), type=kind)
    except (ValueError, RecursionError) as error:
        raise TrustError(f"This is not a valid {kind.__name__}: {error}.") from error


def check_format(data: bytes, what: str) -> None:
    """Is this JSON document of a format that this version reads? One that is no document at all passes: its decoder says so.

    Raises:
        NeedsUpdate: it is of a later one; the text says which version reads it.
    """
    try:
        header = msgspec.json.decode(data, type=_Header)
    except (ValueError, RecursionError):
        return
    if header.v > NEWEST_FORMAT:
        version = f"version {header.reader} or later" if header.reader else "a later version"
        raise NeedsUpdate(
            f"The {what} was made for {version} of Handrail; this is {PRODUCT}, which cannot tell what it forbids. "
            f"Update Handrail on this computer to {version}.",
            reader=header.reader or LATER,
        )


def _leave_out(value: object, plain: object) -> int:
    """Take newer fields with their defaults out of `plain` (`value` as built-in types); returns the format of what stays."""
    needed = 1
    if isinstance(value, msgspec.Struct) and isinstance(plain, dict):
        since: Mapping[str, int] = getattr(value, "SINCE", {})
        for field in msgspec.structs.fields(value):
            own = getattr(value, field.name)
            if field.name in since and own == _default(field):
                del plain[field.encode_name]
                continue
            needed = max(needed, since.get(field.name, 1), _leave_out(own, plain[field.encode_name]))
    elif isinstance(value, dict) and isinstance(plain, dict):
        needed = max([needed, *(_leave_out(one, plain[name]) for name, one in value.items())])
    elif isinstance(value, list) and isinstance(plain, list):
        needed = max([needed, *(_leave_out(one, there) for one, there in zip(value, plain, strict=True))])
    return needed


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default_factory() if callable(field.default_factory) else field.default


def _skip(plain: object, open_lists: Mapping[str, type[StrEnum]]) -> object:
    """The same without notes and without what is allowed under names that this version does not have."""
    if isinstance(plain, list):
        return [_skip(one, open_lists) for one in plain]
    if not isinstance(plain, dict):
        return plain
    kept: dict[object, object] = {}
    for name, value in plain.items():
        if isinstance(name, str) and name.startswith(NOTE):
            continue
        names = open_lists.get(name)
        if names is not None and isinstance(value, list):
            kept[name] = [one for one in value if not _is_a_name(one) or one in set(names)]
        else:
            kept[name] = _skip(value, open_lists)
    return kept


def _is_a_name(value: object) -> bool:
    """Whether this could be the name of something (anything else in its place refuses the document)."""
    return isinstance(value, str) and 0 < len(value) <= _NAME_CHARS and value.isascii() and value.replace("_", "").isalnum()
