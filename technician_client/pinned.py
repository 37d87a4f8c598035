"""Which script an order to many devices means: the one that the organisation has approved as the technician's own computer has
verified it, looked up once at the beginning. Each device runs that very one or none; what a device lists decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from protocol.errors import TrustError
from protocol.manifests import MANIFEST_NAME, decode_manifest, manifest_digest
from protocol.releases import version_key
from technician_client.errors import NotFound
from technician_client.identity import TechnicianIdentity
from technician_client.settings import Settings

if TYPE_CHECKING:
    from tuf.api.metadata import TargetFile

_ROLE = "scripts"
_MOST_NAMED = 20


class Files(Protocol):
    """What is needed of `technician_client.signed_files.SignedFiles`."""

    def refresh(self, wall: datetime) -> bool:
        """See `SignedFiles`."""

    def listed(self, role: str) -> "Mapping[str, TargetFile]":
        """See `SignedFiles`."""

    def target(self, path: str) -> bytes:
        """See `SignedFiles`."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """One approved script; `digest` names the whole of it, as an order to run it does."""

    id: str
    version: str
    digest: str


def approved_script(files: Files, fix: str, wall: datetime) -> Pinned:
    """The newest version of a script that the organisation has approved. Blocking.

    Raises:
        NotFound: it has approved none of this id; the text names those that there are.
        Unavailable: the relay is away. TrustError: something does not verify, has expired, or cannot be read here.
    """
    files.refresh(wall)
    versions: dict[str, list[str]] = {}
    for path in files.listed(_ROLE):
        parts = path.split("/")
        if len(parts) == 4 and parts[3] == MANIFEST_NAME:
            versions.setdefault(parts[1], []).append(parts[2])
    if fix not in versions:
        known = ", ".join(sorted(versions)[:_MOST_NAMED]) or "none at all"
        raise NotFound(f"Your organisation has approved no fix {fix!r}. It has approved: {known}.")
    version = max(versions[fix], key=version_key)
    data = files.target(f"{_ROLE}/{fix}/{version}/{MANIFEST_NAME}")
    manifest = decode_manifest(data)
    if (manifest.id, manifest.version) != (fix, version):
        raise TrustError(f"What was approved as {fix} {version} calls itself {manifest.id} {manifest.version}. Nothing was run.")
    return Pinned(fix, version, manifest_digest(data))


def approved_for(identity: TechnicianIdentity, settings: Settings, fix: str, wall: datetime) -> Pinned:
    """The same from the relay's mirror, by the root that joining pinned. Blocking; raises as `approved_script`."""
    # Imported when it is needed: see `revocations_of`.
    from technician_client.revocations import signed_files_of

    return approved_script(signed_files_of(identity, settings), fix, wall)
