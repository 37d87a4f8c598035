"""The seed file: what is handed to people whose computers are not enrolled, so that this organisation alone can help them."""

from pathlib import Path

from hostio.private_files import PrivateFileError
from protocol.documents import canonical_json
from protocol.errors import TrustError
from protocol.seeds import SEED_SUFFIX, Seed, decode_seed
from technician_client.organisation.record import OrganisationRecord


def seed_of(record: OrganisationRecord) -> Seed:
    """The organisation's seed. It is the same for everybody and holds no secret.

    Raises:
        TrustError: the record is not one from which a guest could check anybody.
    """
    seed = Seed(
        organisation_name=record.name,
        root=record.root,
        tuf_root=record.tuf_root,
        relay=record.relay,
        relay_spki=record.relay_spki,
    )
    if decode_seed(canonical_json(seed)).organisation != record.organisation:
        raise TrustError("The organisation's id does not belong to its root: its record was edited.")
    return seed


def write_seed(seed: Seed, path: Path) -> Path:
    """Write a seed file, readable by everybody; `path` gets its suffix when it has none.

    Raises:
        PrivateFileError: a file is there already, or it cannot be written.
    """
    if not path.suffix:
        path = path.with_suffix(SEED_SUFFIX)
    try:
        with path.open("xb") as file:
            file.write(canonical_json(seed) + b"\n")
    except FileExistsError as error:
        raise PrivateFileError(f"{path} is there already; choose another name with --out.") from error
    except OSError as error:
        raise PrivateFileError(f"{path} cannot be written: {error.strerror or error}.") from error
    return path
