"""The form of what was typed decides, and the secret half stays here."""

from pathlib import Path

import pytest

from protocol.errors import LocalProtocolError, Refused
from protocol.link_messages import TunnelOffer
from technician_client.calling import call

OFFER = TunnelOffer(1, "t" * 32, "abc", "Till 1", True, 60)


class Relay:
    """Offers whatever is asked for, and notes what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def redeem(self, code: str) -> TunnelOffer:
        self.told.append(code)
        return OFFER

    async def ask(self, device: str) -> TunnelOffer:
        self.told.append(device)
        return OFFER


async def test_each_form_leads_its_own_way(tmp_path: Path) -> None:
    relay, spent = Relay(), tmp_path / "spent.json"
    assert (await call(relay, spent, code=None, device="abc")).secret == ""
    assert (await call(relay, spent, code="482913507", device=None)).secret == ""
    assert not spent.exists()
    called = await call(relay, spent, code="482913507-ABCDEFGH", device=None)
    assert (called.offer, called.secret) == (OFFER, "ABCDEFGH")
    assert relay.told == ["abc", "482913507", "482913507"]
    assert "ABCDEFGH" not in repr(called)


async def test_a_relay_that_keeps_a_guests_code_alive_gets_no_second_attempt(tmp_path: Path) -> None:
    relay, spent = Relay(), tmp_path / "spent.json"
    await call(relay, spent, code="482913507-ABCDEFGH", device=None)
    with pytest.raises(Refused):
        await call(relay, spent, code="482913507-ABCDEFGH", device=None)


@pytest.mark.parametrize(("code", "device"), [(None, None), ("482913507", "abc"), ("4829", None), ("482913507-ABC", None)])
async def test_anything_else_is_a_mistake(tmp_path: Path, code: str | None, device: str | None) -> None:
    relay = Relay()
    with pytest.raises(LocalProtocolError):
        await call(relay, tmp_path / "spent.json", code=code, device=device)
    assert relay.told == []
