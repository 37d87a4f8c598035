"""Making enrolment bundles: a token that the signer remembers, and the file that is handed over."""

import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from hostio.private_files import PrivateFileError, write_private
from protocol.documents import BUNDLE_SUFFIX, Bundle, canonical_json
from protocol.errors import TrustError
from technician_client.organisation.record import OrganisationRecord
from technician_client.organisation.tokens import Records

_GROUP = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def _bundle(
    kind: Literal["device", "technician"],
    record: OrganisationRecord,
    life: timedelta,
    wall: datetime,
    random_bytes: Callable[[int], bytes],
) -> Bundle:
    return Bundle(
        kind=kind,
        org=record.organisation,
        organisation_name=record.name,
        root=record.root,
        tuf_root=record.tuf_root,
        relay=record.relay,
        relay_spki=record.relay_spki,
        token_id=random_bytes(8).hex(),
        secret=random_bytes(32),
        expires=(wall + life).timestamp(),
    )


def device_bundle(
    record: OrganisationRecord,
    records: Records,
    *,
    group: str,
    uses: int,
    life: timedelta,
    wall: datetime,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Bundle:
    """A bundle for devices of one group.

    Raises:
        TrustError: the group's name or the number of uses cannot be.
    """
    if not _GROUP.fullmatch(group):
        raise TrustError("A group's name is 1 to 40 of a-z, 0-9, - and _, and begins with a letter or digit.")
    if not 1 <= uses <= 100_000:
        raise TrustError("A bundle can be used between 1 and 100000 times.")
    bundle = msgspec.structs.replace(_bundle("device", record, life, wall, random_bytes), group=group)
    records.add_token(bundle, uses, wall.timestamp())
    return bundle


def technician_bundle(
    record: OrganisationRecord,
    records: Records,
    *,
    name: str,
    tier: int,
    life: timedelta,
    wall: datetime,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Bundle:
    """An invitation for one technician. It gives a key and a certificate; no device listens before the key stands on the
    signed list.

    Raises:
        TrustError: the name or tier cannot be.
    """
    if not 1 <= len(name) <= 100 or not name.isprintable() or name != name.strip():
        raise TrustError("A technician's name is 1 to 100 printable characters, without blanks around it.")
    if tier not in (1, 2, 3):
        raise TrustError("A technician's tier is 1, 2 or 3.")
    bundle = msgspec.structs.replace(_bundle("technician", record, life, wall, random_bytes), name=name, tier=tier)
    records.add_token(bundle, 1, wall.timestamp())
    return bundle


def write_bundle(bundle: Bundle, path: Path) -> Path:
    """Write a bundle file (mode 0600); `path` gets its suffix when it has none.

    Raises:
        PrivateFileError: a file is there already, or it cannot be written.
    """
    if not path.suffix:
        path = path.with_suffix(BUNDLE_SUFFIX)
    if path.exists():
        raise PrivateFileError(f"{path} is there already; choose another name with --out.")
    parent = path.absolute().parent
    if not parent.is_dir():
        raise PrivateFileError(f"There is no directory {parent}.")
    write_private(path.absolute(), canonical_json(bundle) + b"\n")
    return path
