"""Disks that are full in the middle of what an organisation decides: nothing is lost, and it works as soon as there is room.

Each decision is tried with room for files of so many bytes, from none to enough, so that it stops at every file it writes. Then
there is room again, the decision is made once more where it had not been, and an agent verifies what was published."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from agent.trust import TrustStore
from hostio.private_files import PrivateFileError
from protocol.certificates import PrivateKey
from protocol.documents import GroupPolicy
from protocol.errors import HandrailError, TrustError, Unavailable
from technician_client.organisation import lists
from technician_client.organisation.approvals import read_script
from technician_client.organisation.foundation import create_organisation
from technician_client.organisation.record import OrganisationHome, Thresholds
from technician_client.organisation.tokens import Records
from tests.kit.approvers import write_fix
from tests.kit.founded import Applicant, Founded
from tests.kit.full_disk import full_disk

ROOMS = (0, 300, 700, 1000, 1400, 2000, 2600, 3200, 5000)
KEY = PrivateKey.generate().public.fingerprint.hex()
Decision = Callable[[Founded, datetime], object]


def policy_of(trust: TrustStore) -> GroupPolicy:
    policy = trust.policy()
    assert policy is not None
    return policy.group("front")


def organisation(directory: Path, *, two_people: bool = False) -> Founded:
    """A published one, and the source of a fix beside it."""
    founded = Founded(directory, two_people=two_people)
    founded.publish()
    write_fix(directory / "fix", text="#" * 1500 + "\n")
    return founded


def allow(founded: Founded, wall: datetime) -> object:
    def change(policy: object) -> object:
        return msgspec.structs.replace(policy, groups={"front": GroupPolicy(grant_seconds=700)})  # type: ignore[type-var]

    return lists.change_policy(founded.spool, change, founded.signers("policy"), wall)  # type: ignore[arg-type]


def revoke(founded: Founded, wall: datetime) -> object:
    return lists.revoke_key(founded.spool, [KEY], founded.signers("revocation"), wall)


def approve(founded: Founded, wall: datetime) -> object:
    return founded.approve(read_script(founded.home.base.parent / "fix"), wall=wall)


DECISIONS: dict[str, tuple[Decision, Callable[[TrustStore], bool]]] = {
    "policy": (allow, lambda trust: policy_of(trust).grant_seconds == 700),
    "revocation": (revoke, lambda trust: (found := trust.revocation()) is not None and KEY in found.fingerprints),
    "script": (approve, lambda trust: trust.script("harmless") is not None),
}


def stopped(work: Callable[[], object]) -> bool:
    """Whether it was stopped for want of room; it says so, and what to do."""
    try:
        work()
    except PrivateFileError as error:
        assert error.no_room and "Make room" in str(error), error
    except Unavailable as error:
        assert "Make room" in str(error), error
    else:
        return False
    return True


@pytest.mark.parametrize("name", list(DECISIONS))
def test_a_decision_is_made_whole_or_not_at_all(tmp_path: Path, name: str) -> None:
    """Another decision of the same role waits meanwhile for its second signature, and must not lose a byte."""
    decide, decided = DECISIONS[name]
    stops = 0
    for room in ROOMS:
        founded = organisation(tmp_path / str(room))
        before = _waiting(founded)
        with full_disk(room):
            full = stopped(lambda founded=founded: decide(founded, founded.after(minutes=1)))  # type: ignore[misc]
        stops += full
        if full:
            assert _waiting(founded) == before, "nothing was changed"
            decide(founded, founded.after(minutes=1))
        founded.publish(founded.after(minutes=2))
        trust = founded.trust(tmp_path / str(room) / "agent")
        trust.refresh_blocking(founded.after(minutes=3))
        assert decided(trust)
    assert 2 <= stops < len(ROOMS), "the rooms are those in which it stops here and there"


def _waiting(founded: Founded) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(founded.home.spool.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("room", ROOMS)
def test_what_waits_for_a_second_signature_keeps_its_files(tmp_path: Path, room: int) -> None:
    """A newer decision under the same name is begun and finds no room for its list; the older one is published in the end."""
    founded = organisation(tmp_path, two_people=True)
    first, second = founded.signers("policy", "policy-1"), founded.signers("policy", "policy-2")

    def change(seconds: float) -> Callable[[object], object]:
        return lambda policy: msgspec.structs.replace(policy, groups={"front": GroupPolicy(grant_seconds=seconds)})  # type: ignore[type-var]

    lists.change_policy(founded.spool, change(700), first, founded.wall)  # type: ignore[arg-type]
    with full_disk(room), suppress(PrivateFileError):
        lists.change_policy(founded.spool, change(900), first, founded.wall)  # type: ignore[arg-type]
    seconds = lists.policy(founded.spool).group("front").grant_seconds
    founded.spool.countersign("policy", second)
    assert founded.publish(founded.after(minutes=1)).waiting == ()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.after(minutes=2))
    assert policy_of(trust).grant_seconds == seconds


@pytest.mark.parametrize("room", ROOMS)
def test_a_signer_publishes_all_of_it_once_there_is_room(tmp_path: Path, room: int) -> None:
    """Three roles have changed; whichever file the disk refuses, agents see the old state whole, then the new one whole."""
    founded = organisation(tmp_path)
    agent = founded.trust(tmp_path / "agent")
    for decide, _ in DECISIONS.values():
        decide(founded, founded.after(minutes=1))
    with full_disk(room):
        full = stopped(lambda: founded.publish(founded.after(minutes=2)))
    agent.refresh_blocking(founded.after(minutes=2))
    if full:
        assert not any(decided(agent) for _, decided in DECISIONS.values())
    prepared = founded.publish(founded.after(minutes=3))
    assert prepared.waiting == () and founded.spool.roles() == []
    agent.refresh_blocking(founded.after(minutes=4))
    assert all(decided(agent) for _, decided in DECISIONS.values())


def test_enrolling_counts_a_use_and_remembers_the_key_or_neither(tmp_path: Path) -> None:
    """The database is stopped in its transaction. The same request is answered well as soon as there is room."""
    founded = Founded(tmp_path)
    founded.publish()
    stops = 0
    for number in range(24):
        applicant = Applicant(founded.device_bundle(wall=founded.wall), label=f"till {number}")
        wal = founded.home.records.with_name(founded.home.records.name + "-wal")
        with full_disk(wal.stat().st_size + 5000 * (number % 12)):
            try:
                answer = applicant.ask(founded.issuer(), founded.wall)
            except Unavailable as error:
                stops += 1
                assert "Make room" in str(error)
                token = founded.records.token(applicant.bundle.token_id)
                assert token is not None and token.used == 0
                assert founded.records.issued_key(applicant.key.public.fingerprint.hex()) is None
                answer = None
        if answer is None:
            applicant.enrol(founded.issuer(), founded.wall)
        else:
            assert answer.reason == ""
        token = founded.records.token(applicant.bundle.token_id)
        assert token is not None and token.used == 1
        assert founded.records.issued_key(applicant.key.public.fingerprint.hex()) is not None
    assert 0 < stops < 24


@pytest.mark.parametrize("room", (0, 200, 400, 700, 1200, 2500, 4096, 9000))
def test_an_organisation_is_founded_whole_or_not_at_all(tmp_path: Path, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its vault lies on another disk, whose keys must not stand in the way of the next attempt."""
    monkeypatch.setattr("protocol.keys._LOG_N", 10)  # cheap to open: what is tested here is not the cost of a guess
    home = OrganisationHome(tmp_path / "organisation", tmp_path / "vault")
    wall = Founded(tmp_path / "other").wall

    def found() -> None:
        passphrase = b"correct horse battery"
        create_organisation(
            home,
            name="Example Ltd",
            thresholds=Thresholds.of_one(),
            vault_passphrase=passphrase,
            signer_passphrase=passphrase,
            wall=wall,
        )

    with full_disk(room):
        assert stopped(found)
    assert not home.exists() and list(tmp_path.glob(".organisation.*")) == [] and list(home.vault.glob("*.pem")) == []
    found()
    assert home.exists() and Records(home.records).tokens() == []
    with pytest.raises(TrustError, match="already"):
        found()


@pytest.mark.parametrize("room", (0, 100, 200))
def test_a_key_is_made_with_its_public_half_or_not_at_all(tmp_path: Path, room: int) -> None:
    founded = Founded(tmp_path)
    old = founded.vault.get("policy-1").public.fingerprint
    with full_disk(room):
        assert stopped(lambda: founded.vault.create("policy-9"))
        assert stopped(lambda: founded.vault.replace("policy-1", PrivateKey.generate()))
    assert not founded.vault.has("policy-9")
    half = founded.vault.public("policy-1")
    assert half is not None and half.key.fingerprint == old == founded.vault.get("policy-1").public.fingerprint
    founded.vault.create("policy-9")


def test_every_stop_is_a_documented_error(tmp_path: Path) -> None:
    with full_disk(0), pytest.raises(HandrailError):
        founded = Founded.__new__(Founded)
        founded.home = OrganisationHome(tmp_path / "organisation")
        Records(founded.home.records)
