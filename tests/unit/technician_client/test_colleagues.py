"""Who else is there: the relay's word for who is logged in, the signed list's for who that is."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from protocol.documents import TechnicianEntry
from technician_client.colleagues import Colleague, colleagues_online
from technician_client.errors import NotSetUp
from technician_client.link import RelayClient
from technician_client.settings import Settings
from tests.kit.organisation import Organisation
from tests.kit.switchboard import Switchboard, keys_of, running

LISTED = [
    TechnicianEntry(name=name, tier=tier, key=f"{tier}a" * 32, peer=peer)
    for name, tier, peer in (("cem Ruiz", 1, "t3"), ("Ben Ruiz", 3, "t2"), ("Away Ruiz", 2, "t9"))
]


class Signed:
    """The signed files of a technician who joined by a bundle."""

    async def ready(self) -> None:
        """They are here."""

    def technicians(self) -> list[TechnicianEntry]:
        return LISTED


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[RelayClient]:
    organisation = Organisation()
    board = Switchboard(organisation)
    board.colleagues = ["t2", "t3", "nobodysigned"]
    async with (
        running(board),
        RelayClient(keys_of(organisation, organisation.technician(), board.url), Settings(tmp_path)) as client,
    ):
        yield client


async def test_only_those_whom_the_organisation_has_signed_are_named(client: RelayClient) -> None:
    signed: Any = Signed()
    client.revocations = signed
    assert await colleagues_online(client) == [Colleague("t2", "Ben Ruiz", 3), Colleague("t3", "cem Ruiz", 1)]
    client.revocations = None


async def test_without_a_signed_list_nobody_is_named() -> None:
    client: Any = SimpleNamespace(revocations=None)
    with pytest.raises(NotSetUp, match="handrail join"):
        await colleagues_online(client)
