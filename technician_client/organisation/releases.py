"""Signing releases of the agent: a file becomes parts and a `release.json` in the role `agent`. Agents verify a newer one and lay
it ready; nothing installs it.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from hostio.named_files import read_named
from protocol.documents import canonical_json
from protocol.errors import TrustError
from protocol.releases import MAX_RELEASE_BYTES, PART_BYTES, RELEASE_NAME, Release, decode_release, version_key
from technician_client.errors import NotFound
from technician_client.organisation.metadata import TufSigner
from technician_client.organisation.spool import Spool


def read_release(path: Path, *, platform: str, version: str, notes: str = "") -> tuple[Release, dict[str, bytes]]:
    """A release and its targets, by path.

    Raises:
        UnreadableFile: the file cannot be read. TrustError: it is empty or too large, or a name or version cannot be.
    """
    data = read_named(path, MAX_RELEASE_BYTES, "Give the path of the release.")
    if not 1 <= len(data) <= MAX_RELEASE_BYTES:
        raise TrustError(f"A release has between 1 and {MAX_RELEASE_BYTES} bytes; {path} has {len(data)} or more.")
    pieces = [data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES)]
    fields = {
        "platform": platform,
        "version": version,
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "length": len(data),
        "parts": len(pieces),
        "notes": notes,
    }
    try:
        release = msgspec.convert(fields, Release)
    except msgspec.ValidationError as error:
        raise TrustError(f"This cannot be a release: {error}.") from error
    targets = dict(zip(release.part_paths(), pieces, strict=True))
    return release, {**targets, f"{release.directory}/{RELEASE_NAME}": canonical_json(release)}


def releases(spool: Spool) -> list[Release]:
    """The releases that stand in the newest file of the role, published or waiting."""
    paths = [path for path in sorted(spool.newest("agent").signed.targets) if path.endswith(f"/{RELEASE_NAME}")]
    return [decode_release(spool.newest_target("agent", path)) for path in paths]


def add_release(spool: Spool, release: Release, targets: dict[str, bytes], signers: Sequence[TufSigner], wall: datetime) -> int:
    """Sign a release; an older one for the same platform stands no more afterwards. Returns missing signatures.

    Raises:
        TrustError: a newer or the same version stands there already: agents never go back.
    """
    for known in releases(spool):
        if known.platform == release.platform and version_key(known.version) >= version_key(release.version):
            raise TrustError(
                f"{known.version} is signed for {known.platform} already, and agents never go back. Raise the version, or "
                "withdraw that one first (handrail org release withdraw)."
            )
    before = f"agent/{release.platform}/"
    old = [path for path in spool.newest("agent").signed.targets if path.startswith(before)]
    return spool.edit("agent", add=targets, remove=old, signers=signers, wall=wall)


def withdraw_release(spool: Spool, platform: str, signers: Sequence[TufSigner], wall: datetime) -> int:
    """No release stands for a platform any more; returns missing signatures.

    Raises:
        NotFound: none stood there.
    """
    paths = [path for path in spool.newest("agent").signed.targets if path.startswith(f"agent/{platform}/")]
    if not paths:
        raise NotFound(f"No release is signed for {platform!r}. See: handrail org show")
    return spool.edit("agent", add={}, remove=paths, signers=signers, wall=wall)
