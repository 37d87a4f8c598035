"""Enrolling a device against a real issuer through a relay that may be slow, away, or hostile."""

import secrets
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.enrolment import DeviceIdentity, enrol, load_identity, renew
from agent.errors import NotEnrolled
from hostio.private_files import PrivateFileError
from protocol.certificates import make_request
from protocol.documents import Bundle, decode_request, encode_request
from protocol.errors import RefusalReason, Refused, TrustError, Unavailable
from protocol.keys import PrivateKey
from technician_client.organisation.issuing import Issuer
from tests.kit.founded import Founded
from tests.kit.http_relay import HttpRelay, http_relay


class World:
    """An organisation whose issuer answers at once behind the relay."""

    def __init__(self, tmp_path: Path, relay: HttpRelay) -> None:
        self.relay = relay
        self.founded = Founded(tmp_path, relay=relay.url)
        self.founded.publish()
        self.issuer: Issuer = self.founded.issuer()
        self.home = tmp_path / "agent"
        self.ahead = timedelta(0)
        relay.answer = lambda document: self.issuer.answer(document, datetime.now(UTC))

    def wall(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def enrol(self, bundle: Bundle, **options: object) -> DeviceIdentity:
        arguments: dict[str, object] = {
            "label": "till 3",
            "platform": "linux",
            "wall": self.wall,
            "random_bytes": secrets.token_bytes,
            "wait_seconds": 0.3,
            **options,
        }
        return enrol(bundle, self.home, **arguments)  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> object:
    with http_relay() as relay:
        yield World(tmp_path, relay)


def test_an_enrolled_device_finds_itself_again(world: World) -> None:
    told: list[str] = []
    identity = world.enrol(world.founded.device_bundle(group="kiosk"), on_progress=told.append)
    assert (identity.label, identity.group, identity.organisation) == ("till 3", "kiosk", world.founded.record.organisation)
    again = load_identity(world.home)
    assert again.peer == identity.peer and again.chain == identity.chain and again.relay == world.relay.url
    assert again.key.public == identity.key.public and again.tuf_root == world.founded.record.tuf_root
    assert stat.S_IMODE((world.home / "identity" / "device.json").stat().st_mode) == 0o600
    assert [path.name for path in (world.home / "identity").iterdir()] == ["device.json"]
    assert "Example Ltd" in told[0] and "PRIVATE" not in repr(identity)
    assert not identity.renewal_due(world.wall()) and identity.renewal_due(world.wall() + timedelta(days=45))


def test_the_secret_never_leaves_in_the_request(world: World) -> None:
    bundle = world.founded.device_bundle()
    world.enrol(bundle)
    (document,) = world.relay.documents
    assert bundle.secret not in document and not any("secret" in path for _, path, _ in world.relay.requests)


def test_enrolling_again_keeps_the_id_unless_new_keys_are_wanted(world: World) -> None:
    first = world.enrol(world.founded.device_bundle())
    second = world.enrol(world.founded.device_bundle(group="kiosk"), label="till 4")
    assert second.peer == first.peer and (second.label, second.group) == ("till 4", "kiosk")
    third = world.enrol(world.founded.device_bundle(), new_keys=True)
    assert third.peer != first.peer


def test_an_interrupted_enrolment_goes_on_and_uses_the_bundle_once(world: World) -> None:
    bundle = world.founded.device_bundle(uses=1)
    answer = world.relay.answer
    world.relay.answer = lambda document: answer(document) and None
    with pytest.raises(Unavailable, match="signer has not answered"):
        world.enrol(bundle)
    world.relay.answer = answer
    identity = world.enrol(bundle)
    assert world.relay.documents[0] == world.relay.documents[1]
    assert identity.peer and not (world.home / "identity" / "pending.json").exists()


def test_a_bundle_that_is_used_up_expired_or_unknown_is_told_apart(world: World) -> None:
    bundle = world.founded.device_bundle(uses=1)
    world.enrol(bundle)
    with pytest.raises(Refused) as used:
        world.enrol(bundle, new_keys=True)
    assert used.value.reason is RefusalReason.LIMIT
    with pytest.raises(TrustError, match="bundle expired"):
        world.enrol(msgspec.structs.replace(bundle, expires=1.0))
    with pytest.raises(TrustError, match="handrail join"):
        world.enrol(world.founded.technician_bundle())
    with pytest.raises(Refused, match="not signed"):
        world.enrol(msgspec.structs.replace(bundle, token_id="0" * 16))
    assert load_identity(world.home).label == "till 3"


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_is_off_by_a_day_is_named(world: World, days: int) -> None:
    bundle = world.founded.device_bundle(days=30)
    world.ahead = timedelta(days=days)
    with pytest.raises(TrustError, match="timedatectl set-ntp true"):
        world.enrol(bundle)
    with pytest.raises(NotEnrolled):
        load_identity(world.home)


def test_a_relay_that_swaps_the_keys_gets_nothing(world: World) -> None:
    """security.md row 15."""
    thief = PrivateKey.generate()

    def swap(document: bytes) -> bytes:
        request = msgspec.structs.replace(decode_request(document), session_request=make_request(thief))
        return world.issuer.answer(encode_request(request), datetime.now(UTC))

    world.relay.answer = swap
    with pytest.raises(TrustError, match="another request"):
        world.enrol(world.founded.device_bundle())


def test_a_relay_that_answers_for_another_organisation_gets_nothing(world: World, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = Founded(tmp_path / "other", two_people=True)
    stranger.publish()
    issuer = stranger.issuer()
    world.relay.answer = lambda document: issuer.answer(document, datetime.now(UTC))
    with pytest.raises(Refused, match="not signed"):
        world.enrol(world.founded.device_bundle())


def test_a_renewed_device_keeps_its_key_and_gets_a_new_login_key(world: World) -> None:
    identity = world.enrol(world.founded.device_bundle())
    renewed = renew(identity, world.home, platform="linux", wall=world.wall, random_bytes=secrets.token_bytes)
    assert renewed.peer == identity.peer and renewed.key.public == identity.key.public
    assert renewed.login_key.public != identity.login_key.public
    assert load_identity(world.home).login_chain == renewed.login_chain


def test_an_identity_that_is_missing_damaged_or_open_is_told_with_the_way_out(world: World, tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled, match="handrail-agent enrol"):
        load_identity(tmp_path / "nowhere")
    world.enrol(world.founded.device_bundle())
    path = world.home / "identity" / "device.json"
    good = path.read_bytes()
    path.chmod(0o644)
    with pytest.raises(PrivateFileError, match="chmod 600"):
        load_identity(world.home)
    path.chmod(0o600)
    stored = msgspec.json.decode(good)
    for changes in ({"chain": []}, {"session_key": stored["login_key"]}, {"chain": stored["login_chain"]}, {"root": "AAAA"}):
        path.write_bytes(msgspec.json.encode({**stored, **changes}))
        with pytest.raises(TrustError, match="Enrol again"):
            load_identity(world.home)
    path.write_bytes(b"{")
    with pytest.raises(TrustError, match="Enrol again"):
        load_identity(world.home)
    world.enrol(world.founded.device_bundle())


def test_a_damaged_pending_file_is_begun_anew(world: World) -> None:
    (world.home / "identity").mkdir(parents=True)
    (world.home / "identity" / "pending.json").write_bytes(b"{")
    (world.home / "identity" / "pending.json").chmod(0o600)
    check: Callable[[], DeviceIdentity] = lambda: world.enrol(world.founded.device_bundle())  # noqa: E731
    assert check().label == "till 3"
