"""Keeping a short certificate fresh."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hostio.errors import RelayUnreachable
from protocol.errors import RefusalReason, Refused
from technician_client import renewing
from technician_client.identity import TechnicianIdentity
from technician_client.renewing import AGAIN_SECONDS, Renewer
from tests.kit.organisation import Organisation
from tests.kit.switchboard import keys_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def identity() -> TechnicianIdentity:
    organisation = Organisation()
    person = organisation.technician()
    return TechnicianIdentity(
        name="Ana Ruiz",
        tier=3,
        peer=person.peer,
        organisation=organisation.id,
        organisation_name=organisation.name,
        key=person.key,
        chain=person.chain,
        login_key=person.login_key,
        login_chain=person.login_chain,
        root=organisation.root,
        tuf_root=b"",
        relay_url="https://relay.example",
        relay_spki="",
        not_before=NOW,
        not_after=NOW + timedelta(hours=12),
        fingerprint=person.key.public.fingerprint,
    )


class Signer:
    """Stands where `joining.renew` would ask the signer."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.error: Exception | None = None

    def renew(self, keys: TechnicianIdentity, directory: Path, *, wait_seconds: float, **_: Any) -> TechnicianIdentity:
        self.asked.append(wait_seconds)
        if self.error is not None:
            raise self.error
        return replace(keys, not_before=NOW + timedelta(hours=8), not_after=NOW + timedelta(hours=20))


@pytest.fixture
def signer(monkeypatch: pytest.MonkeyPatch) -> Signer:
    signer = Signer()
    monkeypatch.setattr(renewing, "renew", signer.renew)
    return signer


def renewer(hours: float, clock: Callable[[], float] = lambda: 0.0) -> Renewer:
    return Renewer(Path("/nowhere"), clock=clock, wall=lambda: NOW + timedelta(hours=hours))


async def test_a_fresh_certificate_is_left_alone(identity: TechnicianIdentity, signer: Signer) -> None:
    assert await renewer(1)(identity) is identity
    other = keys_of(Organisation(), Organisation().technician(), "")
    assert await renewer(1)(other) is other
    assert signer.asked == []


async def test_after_two_thirds_it_is_renewed(identity: TechnicianIdentity, signer: Signer) -> None:
    assert (await renewer(9)(identity)).not_after == NOW + timedelta(hours=20)  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [RelayUnreachable("away"), Refused("no", reason=RefusalReason.NOT_ON_LIST)])
async def test_a_failure_is_let_pass_for_a_while(identity: TechnicianIdentity, signer: Signer, error: Exception) -> None:
    now = 1000.0
    signer.error = error
    renew = renewer(9, lambda: now)
    for _ in range(3):
        assert await renew(identity) is identity
    assert len(signer.asked) == 1
    now += AGAIN_SECONDS
    assert await renew(identity) is identity
    assert len(signer.asked) == 2


async def test_once_it_has_run_out_the_failure_counts(identity: TechnicianIdentity, signer: Signer) -> None:
    signer.error = RelayUnreachable("away")
    renew = renewer(13)
    for _ in range(2):
        with pytest.raises(RelayUnreachable):
            await renew(identity)
    assert len(signer.asked) == 2


async def test_nothing_is_renewed_once_the_key_was_unlocked_twelve_hours_ago(
    identity: TechnicianIdentity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = Signer()
    monkeypatch.setattr(renewing, "renew", signer.renew)
    moment = [NOW]
    renewer = Renewer(tmp_path, clock=lambda: 0.0, wall=lambda: moment[0])  # a computer that slept: only one clock went on
    moment[0] = NOW + timedelta(hours=9)
    renewed = await renewer(identity)
    assert len(signer.asked) == 1
    moment[0] = NOW + timedelta(hours=17)
    assert await renewer(renewed) is renewed  # it holds until hour 20, and is not renewed any more
    with pytest.raises(Refused, match="unlocked more than 12 hours ago"):
        await renewer.now(renewed)
    moment[0] = NOW + timedelta(hours=21)
    with pytest.raises(Refused, match="unlocked more than 12 hours ago"):
        await renewer(renewed)
    assert len(signer.asked) == 1
