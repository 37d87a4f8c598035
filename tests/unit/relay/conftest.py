"""A database, a clock that can be turned, and the parts that most of the relay's modules stand on."""

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from protocol.link_messages import LinkMessage, Role
from relay.codes import CodeBook
from relay.directory import Directory
from relay.links import Link, LinkHub
from relay.metrics import Metrics
from relay.store.database import Database
from tests.kit.relays import HandClock

ORG = "0123456789abcdef"
OTHER = "fedcba9876543210"


class Posted:
    """A link that logs in nowhere: what is posted to it can be read back."""

    def __init__(self, metrics: Metrics, role: Role, peer: str, organisation: str = ORG, label: str = "") -> None:
        self.cut = False
        self.link = Link(role, organisation, peer, label or peer.upper(), "Debian 12", metrics, self._abort)

    def _abort(self) -> None:
        self.cut = True

    async def next(self) -> LinkMessage:
        assert self.link.queued, "nothing was posted"
        message = await self.link.next()
        assert message is not None
        return message


Make = Callable[..., Posted]


@pytest.fixture
def random_bytes() -> Callable[[int], bytes]:
    return random.Random(7).randbytes


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def hub(metrics: Metrics) -> LinkHub:
    return LinkHub(metrics)


@pytest.fixture
def codes(random_bytes: Callable[[int], bytes]) -> CodeBook:
    return CodeBook(random_bytes)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "relay.sqlite")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def directory(database: Database, hub: LinkHub, codes: CodeBook, clock: HandClock) -> Directory:
    return Directory(database, hub, codes, clock)


@pytest.fixture
def make(metrics: Metrics, hub: LinkHub) -> Make:
    """A link that is in the hub."""

    def made(role: Role, peer: str, organisation: str = ORG, label: str = "") -> Posted:
        posted = Posted(metrics, role, peer, organisation, label)
        hub.add(posted.link)
        return posted

    return made
