"""Releases of the agent that an organisation has signed: `agent/<platform>/<version>/release.json` of the repository's role
`agent`, and the parts of its one file beside it (the repository takes files of 1 MiB at most).

An agent verifies a newer release and lays it ready; nothing installs it. Pure.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Annotated, Final, Literal

import msgspec

from protocol.documents import Fingerprint, decode_document
from protocol.errors import TrustError

RELEASE_NAME: Final = "release.json"
PART_BYTES: Final = 1024 * 1024
MAX_RELEASE_BYTES: Final = 64 * 1024 * 1024

Platform = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}\Z")]
Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}(?:\.[0-9]{1,6}){0,3}\Z")]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}\Z")]


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`release.json`: one file for one platform, of `length` bytes with `sha256`, in `parts` files part-000, part-001, ... of
    `PART_BYTES` each but the last. `notes` is what changed, in words."""

    v: Literal[1] = 1
    platform: Platform
    version: Version
    file: FileName
    sha256: Fingerprint
    length: Annotated[int, msgspec.Meta(ge=1, le=MAX_RELEASE_BYTES)]
    parts: Annotated[int, msgspec.Meta(ge=1, le=MAX_RELEASE_BYTES // PART_BYTES)]
    notes: Annotated[str, msgspec.Meta(max_length=4000)] = ""

    @property
    def directory(self) -> str:
        """Where its targets lie."""
        return f"agent/{self.platform}/{self.version}"

    def part_paths(self) -> list[str]:
        """The targets of its parts, in order."""
        return [f"{self.directory}/part-{number:03d}" for number in range(self.parts)]


def decode_release(data: bytes) -> Release:
    """Read and check a release.

    Raises:
        TrustError: none, or one whose number of parts does not fit its length.
    """
    release = decode_document(data, Release)
    if release.parts != -(-release.length // PART_BYTES):
        raise TrustError(f"The release {release.platform} {release.version} says {release.parts} parts, which cannot be.")
    return release


def version_key(version: str) -> tuple[int, ...]:
    """Versions in order: 0.2 < 0.10, and 1.0 equals 1."""
    numbers = [int(part) for part in version.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def newest_release(paths: Iterable[str], platform: str) -> str:
    """The version of the newest release for a platform among signed paths; "" when there is none."""
    found = [
        parts[2]
        for parts in (path.split("/") for path in paths)
        if len(parts) == 4 and parts[0] == "agent" and parts[1] == platform and parts[3] == RELEASE_NAME and _is_version(parts[2])
    ]
    return max(found, key=version_key, default="")


def put_together(release: Release, read: Callable[[str], bytes]) -> bytes:
    """A release's file from its parts.

    Args:
        read: the verified bytes of a target.

    Raises:
        TrustError: they do not make the file that was signed.
    """
    parts: list[bytes] = []
    size = 0
    for path in release.part_paths():
        parts.append(read(path))
        size += len(parts[-1])
        if size > release.length:
            break
    data = b"".join(parts)
    if len(data) != release.length or hashlib.sha256(data).hexdigest() != release.sha256:
        raise TrustError(f"The parts of the release {release.version} do not make the file that was signed.")
    return data


def _is_version(text: str) -> bool:
    try:
        msgspec.convert(text, Version)
    except msgspec.ValidationError:
        return False
    return True
