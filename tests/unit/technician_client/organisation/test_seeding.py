"""The seed of an organisation."""

from pathlib import Path

import msgspec
import pytest

from hostio.private_files import PrivateFileError
from protocol.errors import TrustError
from protocol.seeds import decode_seed
from technician_client.organisation.seeding import seed_of, write_seed
from tests.kit.founded import Founded


def test_a_seed_pins_root_relay_and_repository_and_holds_no_secret(tmp_path: Path) -> None:
    record = Founded(tmp_path, relay_spki="ab" * 32).record
    path = write_seed(seed_of(record), tmp_path / "guests")
    assert path.name == "guests.seed"
    seed = decode_seed(path.read_bytes())
    assert (seed.root, seed.tuf_root, seed.relay, seed.relay_spki) == (record.root, record.tuf_root, record.relay, "ab" * 32)
    assert (seed.organisation, seed.organisation_name) == (record.organisation, record.name)
    with pytest.raises(PrivateFileError, match="already"):
        write_seed(seed, path)
    with pytest.raises(PrivateFileError, match="cannot be written"):
        write_seed(seed, tmp_path / "nowhere" / "x.seed")


def test_a_record_that_was_edited_gives_no_seed(tmp_path: Path) -> None:
    record = Founded(tmp_path).record
    for change in ({"name": "Another Ltd"}, {"organisation": "0" * 16}):
        with pytest.raises(TrustError):
            seed_of(msgspec.structs.replace(record, **change))
