"""What is published, on the computer of somebody who decides but does not run the signer: fetched from the relay, verified from
the organisation's first root on, and laid out as the signer's own repository, so that the same commands work on both.
"""

from datetime import datetime

from tuf.api.metadata import Metadata, Snapshot, TargetFile, Targets

from hostio.relay_http import RelayHttp
from hostio.signed_repository import RelayMirror
from technician_client.organisation.metadata import DELEGATED
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.repository import Repository, served_path
from technician_client.settings import Settings
from technician_client.signed_files import SignedFiles


def runs_signer(home: OrganisationHome) -> bool:
    """Whether the signer's keys lie here: then its repository is the original, and nothing is fetched."""
    return home.signer_keys.exists()


def refresh_published(home: OrganisationHome, settings: Settings, wall: datetime, http: RelayHttp | None = None) -> None:
    """Bring the copy of the published repository up to date. `http`: another way to the relay than the one of the settings.

    Raises:
        Unavailable: the relay is away. TrustError: what it serves does not verify, is older than what was seen, or has expired.
        NotSetUp: the organisation has no relay yet.
    """
    record = home.registered()
    http = http or RelayHttp(record.relay, record.relay_spki, proxy=settings.proxy, timeout=settings.request_seconds)
    files = SignedFiles(home.base / "seen", record.tuf_root, RelayMirror(http, record.organisation))
    files.refresh(wall)
    repository = Repository(home.repository)
    metadata: dict[str, bytes] = {f"{version}.root.json": data for version, data in files.roots().items()}
    missing: dict[str, TargetFile] = {}
    for role in ("targets", *DELEGATED):
        data = files.role(role)
        signed = Metadata[Targets].from_bytes(data).signed
        metadata[f"{signed.version}.{role}.json"] = data
        missing |= {path: listed for path, listed in signed.targets.items() if not repository.holds(listed)}
    snapshot, timestamp = files.snapshot()
    metadata[f"{Metadata[Snapshot].from_bytes(snapshot).signed.version}.snapshot.json"] = snapshot
    metadata["timestamp.json"] = timestamp
    # One at a time: a release alone may have 64 MiB.
    repository.copy(metadata, ((served_path(listed), files.target(path)) for path, listed in missing.items()))
    files.drop_targets()
