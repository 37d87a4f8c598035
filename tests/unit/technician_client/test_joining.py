"""Joining and renewing against a real issuer through a relay that may be slow, away or hostile."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import msgspec
import pytest

from hostio.errors import RelayUnreachable
from hostio.private_files import write_private
from protocol.documents import Bundle
from protocol.errors import RefusalReason, Refused, TrustError, Unavailable
from technician_client.identity import TechnicianIdentity, unlock
from technician_client.joining import join, renew, unlock_fresh
from technician_client.organisation.lists import revoke_key
from technician_client.organisation.vault import WeakPassphrase
from tests.kit.founded import Founded
from tests.kit.http_relay import HttpRelay, http_relay
from tests.kit.processes import free_port

PASSPHRASE = b"correct horse battery"


class World:
    """An organisation whose issuer answers at once behind the relay."""

    def __init__(self, tmp_path: Path, relay: HttpRelay) -> None:
        self.relay = relay
        self.founded = Founded(tmp_path, relay=relay.url)
        self.founded.publish()
        self.issuer = self.founded.issuer()
        self.directory = tmp_path / "identity"
        self.ahead = timedelta(0)
        relay.answer = lambda document: self.issuer.answer(document, self.wall())
        write_private(tmp_path / "pass", PASSPHRASE)
        self.passphrase_file = tmp_path / "pass"

    def wall(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def join(self, bundle: Bundle, **options: object) -> TechnicianIdentity:
        arguments: dict[str, object] = {
            "passphrase": PASSPHRASE,
            "wall": self.wall,
            "random_bytes": secrets.token_bytes,
            "wait_seconds": 0.3,
            **options,
        }
        return join(bundle, self.directory, **arguments)  # type: ignore[arg-type]

    def fresh(self, told: list[str] | None = None) -> TechnicianIdentity:
        self.relay.date = self.wall()
        return unlock_fresh(
            self.directory,
            passphrase_file=self.passphrase_file,
            wall=self.wall,
            random_bytes=secrets.token_bytes,
            on_progress=(told if told is not None else []).append,
            wait_seconds=0.3,
        )


@pytest.fixture
def world(tmp_path: Path) -> object:
    with http_relay() as relay, mock.patch("protocol.keys._LOG_N", 10):
        yield World(tmp_path, relay)


def test_who_joins_has_the_name_and_tier_of_the_invitation(world: World) -> None:
    identity = world.join(world.founded.technician_bundle("Bo Li", 2), unlock="file", passphrase_file=str(world.passphrase_file))
    assert (identity.name, identity.tier, identity.organisation) == ("Bo Li", 2, world.founded.record.organisation)
    opened = unlock(world.directory)
    assert opened.key.public == identity.key.public and opened.relay_url == world.relay.url
    assert sorted(path.name for path in world.directory.iterdir()) == ["identity.json", "login.pem", "session.pem"]
    with pytest.raises(TrustError, match="already"):
        world.join(world.founded.technician_bundle())


def test_an_interrupted_join_goes_on_with_the_same_keys(world: World) -> None:
    bundle, answer = world.founded.technician_bundle(), world.relay.answer
    world.relay.answer = lambda document: answer(document) and None
    with pytest.raises(Unavailable, match="handrail signer"):
        world.join(bundle)
    world.relay.answer = answer
    world.join(bundle)
    assert world.relay.documents[0] == world.relay.documents[1]


def test_an_interrupted_join_with_another_passphrase_begins_anew(world: World) -> None:
    bundle, answer = world.founded.technician_bundle(), world.relay.answer
    world.relay.answer = lambda _: None
    with pytest.raises(Unavailable):
        world.join(bundle)
    world.relay.answer = answer
    world.join(bundle, passphrase=b"another passphrase")
    assert world.relay.documents[0] != world.relay.documents[1]


def test_bad_invitations_are_refused(world: World) -> None:
    with pytest.raises(TrustError, match="handrail-agent enrol"):
        world.join(world.founded.device_bundle())
    with pytest.raises(WeakPassphrase):
        world.join(world.founded.technician_bundle(), passphrase=b"short")
    with pytest.raises(Refused, match="not signed"):
        world.join(msgspec.structs.replace(world.founded.technician_bundle(), token_id="0" * 16))
    with pytest.raises(RelayUnreachable):
        world.join(msgspec.structs.replace(world.founded.technician_bundle(), relay=f"http://127.0.0.1:{free_port()}"))
    assert not (world.directory / "identity.json").exists()


def test_a_certificate_is_renewed_when_two_thirds_are_over(world: World) -> None:
    identity = world.join(world.founded.technician_bundle("Bo Li", 2))
    world.founded.admit("Bo Li", 2, identity.key, identity.peer)
    world.founded.publish()
    assert world.fresh().not_after == identity.not_after
    world.ahead = timedelta(hours=9)
    told: list[str] = []
    renewed = world.fresh(told)
    assert renewed.not_after > identity.not_after + timedelta(hours=8) and told == ["Renewing your certificate ..."]
    assert (
        renewed.key.public == identity.key.public
        and unlock(world.directory, passphrase_file=world.passphrase_file).chain == renewed.chain
    )


def test_a_failed_renewal_is_let_pass_while_the_certificate_holds(world: World) -> None:
    identity = world.join(world.founded.technician_bundle("Bo Li", 2))
    world.ahead = timedelta(hours=9)
    told: list[str] = []
    assert world.fresh(told).not_after == identity.not_after and "list of technicians" in told[-1]
    world.relay.answer = lambda _: None
    assert world.fresh(told).not_after == identity.not_after
    world.ahead = timedelta(hours=13)
    with pytest.raises(Unavailable):
        world.fresh()


def test_a_leaver_is_refused_at_the_next_renewal(world: World) -> None:
    """security.md row 21."""
    identity = world.join(world.founded.technician_bundle("Bo Li", 2))
    world.founded.admit("Bo Li", 2, identity.key, identity.peer)
    revoke_key(world.founded.spool, [identity.fingerprint.hex()], world.founded.signers("revocation"), world.founded.wall)
    world.founded.publish()
    with pytest.raises(Refused) as refused:
        renew(identity, world.directory, wall=world.wall, random_bytes=secrets.token_bytes, wait_seconds=1)
    assert refused.value.reason is RefusalReason.REVOKED
