"""A technician learns which devices are devices no more, over a real repository and a mirror that withholds."""

import asyncio
import secrets
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from protocol.certificates import DeviceClaims, Identity, PrivateKey, Role, check_chain, issue_device_leaf
from protocol.documents import TechnicianEntry
from protocol.errors import TrustError, Unavailable
from technician_client.organisation.lists import admit_technician, revoke_key
from technician_client.revocations import Revocations
from technician_client.signed_files import SignedFiles
from tests.kit.founded import Founded, Mirror
from tests.kit.waiting import eventually_async


class Side:
    """A technician's side whose clock is turned by hand."""

    def __init__(self, founded: Founded, directory: Path, mirror: Mirror) -> None:
        self.now = founded.wall
        files = SignedFiles(directory, founded.record.tuf_root, mirror)
        self.revocations = Revocations(directory, files, wall=self.wall)

    def wall(self) -> datetime:
        return self.now


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    organisation = Founded(tmp_path)
    organisation.publish()
    return organisation


def device(founded: Founded) -> Identity:
    authority = founded.issuer()._authorities[Role.DEVICE]
    leaf = issue_device_leaf(
        "till3",
        PrivateKey.generate().public,
        DeviceClaims("till 3", "default"),
        ca_der=authority.certificate,
        ca_key=authority.key,
        lifetime=timedelta(days=60),
        wall=founded.wall,
        random_bytes=secrets.token_bytes,
    )
    chain = [leaf, authority.certificate]
    return check_chain(chain, root_der=founded.record.root, expected=Role.DEVICE, purpose="session", wall=founded.wall)


def revoke(founded: Founded, key: bytes, minutes: float) -> None:
    revoke_key(founded.spool, [key.hex()], founded.signers("revocation"), founded.after(minutes=minutes))
    founded.publish(founded.after(minutes=minutes))


async def test_who_is_a_technician_and_not_revoked_is_named(founded: Founded, tmp_path: Path) -> None:
    side = Side(founded, tmp_path / "files", founded.mirror())
    for name, key in (("Ana Ruiz", "aa" * 32), ("Ben Ruiz", "bb" * 32)):
        entry = TechnicianEntry(name=name, tier=2, key=key, peer=f"peer{key[0]}")
        admit_technician(founded.spool, entry, founded.signers("policy"), founded.after(minutes=1))
    founded.publish(founded.after(minutes=1))
    side.now = founded.after(minutes=2)
    await side.revocations.refresh()
    assert {entry.name for entry in side.revocations.technicians()} == {"Ana Ruiz", "Ben Ruiz"}
    revoke(founded, bytes.fromhex("bb" * 32), 3.0)
    side.now = founded.after(minutes=4)
    await side.revocations.refresh()
    assert [(entry.name, entry.tier) for entry in side.revocations.technicians()] == [("Ana Ruiz", 2)]


async def test_a_device_and_a_device_ca_that_were_revoked_are_refused_by_name(founded: Founded, tmp_path: Path) -> None:
    side, till = Side(founded, tmp_path / "files", founded.mirror()), device(founded)
    with pytest.raises(TrustError, match="never came here"):
        side.revocations.check(till)
    await side.revocations.refresh()
    assert side.revocations.version == 1 and side.revocations.problem == ""
    side.revocations.check(till)
    revoke(founded, till.fingerprint, 1)
    side.now = founded.after(minutes=2)
    await side.revocations.refresh()
    assert side.revocations.version == 2
    with pytest.raises(TrustError, match="'till 3' was revoked"):
        side.revocations.check(till)
    other = device(founded)
    side.revocations.check(other)
    revoke(founded, other.issuer, 3)
    side.now = founded.after(minutes=4)
    await side.revocations.refresh()
    with pytest.raises(TrustError, match="authority that certified 'till 3' was revoked"):
        side.revocations.check(other)


async def test_lists_add_up_and_outlive_the_process_and_withholding_ends_after_a_fortnight(
    founded: Founded, tmp_path: Path
) -> None:
    mirror, till = founded.mirror(), device(founded)
    revoke(founded, till.fingerprint, 1)
    first = Side(founded, tmp_path / "files", mirror)
    first.now = founded.after(minutes=2)
    await first.revocations.refresh()
    mirror.away = True
    again = Side(founded, tmp_path / "files", mirror)
    again.now = founded.after(minutes=3)
    await again.revocations.refresh()
    assert "does not answer" in again.revocations.problem
    with pytest.raises(TrustError, match="was revoked"):
        again.revocations.check(till)
    other = device(founded)
    again.now = founded.after(days=13)
    again.revocations.check(other)
    again.now = founded.after(days=15)
    with pytest.raises(TrustError, match="15 days old here"):
        again.revocations.check(other)


async def test_a_list_that_was_not_handed_out_with_its_timestamp_is_asked_for_until_it_comes(
    founded: Founded, tmp_path: Path
) -> None:
    mirror, till = founded.mirror(), device(founded)
    side = Side(founded, tmp_path / "files", mirror)
    await side.revocations.refresh()
    revoke(founded, till.fingerprint, 1)
    side.now = founded.after(minutes=2)
    lost: list[str] = []

    def cut(path: str, max_bytes: int) -> bytes:
        if path.startswith("targets/revocation/"):
            lost.append(path)
            raise Unavailable("The relay does not answer.")
        return Mirror.read(mirror, path, max_bytes)

    mirror.read = cut  # type: ignore[method-assign]
    for _look in range(2):
        await side.revocations.refresh()
        assert side.revocations.version == 2 and "does not answer" in side.revocations.problem
    again = Side(founded, tmp_path / "files", mirror)
    again.now = side.now
    await again.revocations.refresh()
    assert "does not answer" in again.revocations.problem
    assert len(lost) == 3
    del mirror.read
    for one in (side, again):
        await one.revocations.refresh()
        assert one.revocations.problem == ""
        with pytest.raises(TrustError, match="'till 3' was revoked"):
            one.revocations.check(till)


async def test_a_list_that_is_kept_back_from_newer_files_grows_old_like_all_of_them(founded: Founded, tmp_path: Path) -> None:
    mirror, till = founded.mirror(), device(founded)
    first = Side(founded, tmp_path / "files", mirror)
    await first.revocations.refresh()
    first.revocations.check(till)
    withheld = founded.mirror()

    def cut(path: str, max_bytes: int) -> bytes:
        if path.startswith("targets/revocation/"):
            raise Unavailable("The relay does not answer.")
        return Mirror.read(withheld, path, max_bytes)

    withheld.read = cut  # type: ignore[method-assign]
    revoke(founded, till.fingerprint, 1)
    for days in (1, 6, 11, 16):  # the newest timestamp is handed out each time, and never the list
        founded.publish(founded.after(days=days))
        side = Side(founded, tmp_path / "files", withheld)  # as each command does
        side.now = founded.after(days=days, minutes=1)
        await side.revocations.refresh()
        if days < 14:
            side.revocations.check(till)
    with pytest.raises(TrustError, match="16 days old here"):
        side.revocations.check(till)
    fresh = Side(founded, tmp_path / "other", withheld)
    fresh.now = side.now
    await fresh.revocations.refresh()
    with pytest.raises(TrustError, match="never came here"):
        fresh.revocations.check(till)


async def test_a_session_is_stopped_when_the_news_come(founded: Founded, tmp_path: Path) -> None:
    side, till = Side(founded, tmp_path / "files", founded.mirror()), device(founded)
    stopped: list[TrustError] = []
    async with asyncio.TaskGroup() as tasks:
        fresh = tasks.create_task(side.revocations.keep_fresh())
        await side.revocations.ready()
        watch = tasks.create_task(side.revocations.watch(till, stopped.append))
        await asyncio.sleep(0)
        assert not stopped
        revoke(founded, till.fingerprint, 1)
        side.now = founded.after(minutes=2)
        side.revocations.hint()
        await eventually_async(watch.done, "the session is stopped")
        fresh.cancel()
    assert "was revoked" in str(stopped[0])


async def test_nobody_waits_for_a_relay_that_is_away_for_long(founded: Founded, tmp_path: Path) -> None:
    side = Side(founded, tmp_path / "files", founded.mirror())
    await side.revocations.ready(0.01)
    assert side.revocations.version == 0
