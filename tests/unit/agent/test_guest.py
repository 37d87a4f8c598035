"""A device that is not enrolled: its key, its code, its seed."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.guest import GuestCode, GuestDevice, read_seed
from hostio.errors import UnreadableFile
from protocol.certificates import Role, check_guest
from protocol.documents import canonical_json
from protocol.seeds import Seed
from tests.kit.organisation import Organisation

ORGANISATION = Organisation("Example Ltd")
SEED = Seed(organisation_name="Example Ltd", root=ORGANISATION.root, tuf_root=b"{}", relay="https://relay.example")


def test_every_run_is_another_device_of_the_seeds_organisation() -> None:
    wall = datetime.now(UTC)
    one, other = (GuestDevice.make(SEED, wall=wall, random_bytes=secrets.token_bytes) for _ in range(2))
    assert one.peer != other.peer
    identity = check_guest(one.chain, organisation=ORGANISATION.id, wall=wall)
    assert (identity.role, identity.peer, identity.display_name) == (Role.GUEST, one.peer, one.label)
    assert (one.login_key, one.login_chain) == (one.key, one.chain)
    assert (one.root, one.organisation, one.organisation_name) == (ORGANISATION.root, ORGANISATION.id, "Example Ltd")
    assert (one.relay, one.relay_spki, one.tuf_root, one.group) == ("https://relay.example", "", b"{}", "guest")
    assert one.not_before < wall < one.not_after <= wall + timedelta(hours=2)


async def test_a_code_is_good_for_one_attempt() -> None:
    code = GuestCode(secrets.token_bytes)
    assert code.take() == ""
    shown = code.make("482913507", 600.0)
    assert shown.rendezvous == "482913507"
    assert code.take() == shown.secret
    assert code.take() == ""


async def test_a_new_code_voids_the_old_and_time_voids_both() -> None:
    code = GuestCode(secrets.token_bytes)
    old, new = code.make("482913507", 600.0), code.make("482913508", 600.0)
    assert old.secret != new.secret
    assert code.take() == new.secret
    code.make("482913509", 600.0)
    code.burn()
    assert code.take() == ""
    code.make("482913510", 0.0)
    await asyncio.sleep(0)
    assert code.take() == ""


def test_a_seed_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "example.seed"
    path.write_bytes(canonical_json(SEED))
    assert read_seed(path) == SEED
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read_seed(tmp_path / "missing.seed")
