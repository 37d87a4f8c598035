"""The control link: login, requests, reconnection. Against the relay's own machine over real WebSockets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hostio.errors import RelayUnreachable
from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.link_messages import DevicesChanged
from technician_client.errors import DeviceOffline, NotFound
from technician_client.link import Backoff, LinkChanged, LinkState, RelayClient, TechnicianKeys
from technician_client.settings import Settings
from tests.kit.organisation import Credentials, Organisation
from tests.kit.processes import free_port
from tests.kit.switchboard import SimulatedDevice, Switchboard, keys_of, running
from tests.kit.waiting import eventually_async


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


@pytest.fixture(scope="module")
def person(organisation: Organisation) -> Credentials:
    return organisation.technician()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path, request_seconds=60, retry_first_seconds=0.02, retry_most_seconds=0.05)


@pytest.fixture
async def board(organisation: Organisation) -> AsyncIterator[Switchboard]:
    devices = [SimulatedDevice(organisation, label=f"Till {number}") for number in range(5)]
    async with running(Switchboard(organisation, *devices)) as board:
        yield board


async def test_login_tells_who_we_are(
    organisation: Organisation, person: Credentials, board: Switchboard, settings: Settings
) -> None:
    client = RelayClient(keys_of(organisation, person, board.url), settings)
    states = client.subscribe(LinkChanged)
    async with client:
        assert client.peer == person.peer
        assert client.state.state is LinkState.ONLINE
    assert [event.state async for event in states if isinstance(event, LinkChanged)] == [
        LinkState.CONNECTING,
        LinkState.ONLINE,
        LinkState.CLOSED,
    ]


async def test_devices_come_page_by_page(
    organisation: Organisation, person: Credentials, board: Switchboard, settings: Settings
) -> None:
    board.page = 2
    async with RelayClient(keys_of(organisation, person, board.url), settings) as client:
        assert [row.label for row in await client.devices()] == [f"Till {number}" for number in range(5)]
        assert [row.label for row in await client.devices("Till 3")] == ["Till 3"]


async def test_changes_are_passed_on(
    organisation: Organisation, person: Credentials, board: Switchboard, settings: Settings
) -> None:
    async with RelayClient(keys_of(organisation, person, board.url), settings) as client:
        with client.subscribe(DevicesChanged) as changes:
            row = next(iter(board.devices.values())).row
            await board.announce(row)
            assert await asyncio.wait_for(anext(changes), 60) == DevicesChanged([row])


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (RefusalReason.OFFLINE, DeviceOffline),
        (RefusalReason.NOT_FOUND, NotFound),
        (RefusalReason.EXPIRED, NotFound),
        (RefusalReason.SHUTTING_DOWN, RelayUnreachable),
        (RefusalReason.LOCKED, Refused),
    ],
)
async def test_each_failure_is_its_own_error(
    organisation: Organisation,
    person: Credentials,
    board: Switchboard,
    settings: Settings,
    reason: RefusalReason,
    kind: type[HandrailError],
) -> None:
    board.failure = reason
    async with RelayClient(keys_of(organisation, person, board.url), settings) as client:
        with pytest.raises(kind):
            await client.redeem("123456789")
        with pytest.raises(kind):
            await client.ask("anybody")


async def test_no_answer_is_given_up(organisation: Organisation, person: Credentials, board: Switchboard, tmp_path: Path) -> None:
    board.deaf = True
    async with RelayClient(keys_of(organisation, person, board.url), Settings(tmp_path, request_seconds=0.1)) as client:
        with pytest.raises(RelayUnreachable, match="within"):
            await client.devices()


async def test_it_comes_back_after_a_cut_and_waiting_requests_are_told(
    organisation: Organisation, person: Credentials, board: Switchboard, settings: Settings
) -> None:
    async with RelayClient(keys_of(organisation, person, board.url), settings) as client:
        board.deaf = True
        waiting = asyncio.ensure_future(client.devices())  # noqa: TID251 - awaited below
        await asyncio.sleep(0.05)
        board.cut_links()
        with pytest.raises(RelayUnreachable, match="cut"):
            await waiting
        board.deaf = False
        await board.logged_in(2)
        assert len(await client.devices()) == 5


async def test_the_first_attempt_says_that_nobody_is_there(
    organisation: Organisation, person: Credentials, tmp_path: Path
) -> None:
    settings = Settings(tmp_path, request_seconds=0.1)  # for all of which a request waits in vain
    client = RelayClient(keys_of(organisation, person, f"http://127.0.0.1:{free_port()}"), settings)
    with pytest.raises(RelayUnreachable):
        await client.connect()
    assert client.state.state is LinkState.CLOSED
    with pytest.raises(RelayUnreachable):
        await client.devices()


async def test_or_it_waits_for_a_relay_that_is_away(organisation: Organisation, person: Credentials, settings: Settings) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    client = RelayClient(keys_of(organisation, person, away), settings)
    states = client.subscribe(LinkChanged)
    connecting = asyncio.ensure_future(client.connect(keep_trying=True))  # noqa: TID251 - awaited below
    seen = [await asyncio.wait_for(anext(states), 60) for _ in range(4)]
    assert [event.state for event in seen if isinstance(event, LinkChanged)] == [
        LinkState.CONNECTING,
        LinkState.WAITING,
        LinkState.CONNECTING,
        LinkState.WAITING,
    ]
    assert isinstance(seen[1], LinkChanged)
    assert "does not answer" in seen[1].text
    assert seen[1].retry_in > 0
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert client.state.state is LinkState.CLOSED


async def test_a_refused_login_is_final(
    organisation: Organisation, person: Credentials, board: Switchboard, settings: Settings
) -> None:
    board.refuse_login = RefusalReason.REVOKED
    with pytest.raises(Refused, match="not today") as refused:
        await RelayClient(keys_of(organisation, person, board.url), settings).connect(keep_trying=True)
    assert refused.value.reason is RefusalReason.REVOKED


async def test_a_busy_relay_is_tried_again(
    organisation: Organisation, person: Credentials, board: Switchboard, settings: Settings
) -> None:
    board.refuse_login = RefusalReason.BUSY
    client = RelayClient(keys_of(organisation, person, board.url), settings)
    connecting = asyncio.ensure_future(client.connect(keep_trying=True))  # noqa: TID251 - awaited below
    await eventually_async(lambda: client.state.state is LinkState.WAITING, "a refusal")
    board.refuse_login = None
    await asyncio.wait_for(connecting, 60)
    await client.close()


async def test_a_technician_of_another_organisation_is_not_let_in(board: Switchboard, settings: Settings) -> None:
    stranger = Organisation("Evil Ltd")
    with pytest.raises(Refused):
        await RelayClient(keys_of(stranger, stranger.technician(), board.url), settings).connect()


async def test_keys_of_another_role_are_an_error_and_leave_nothing_open(
    organisation: Organisation, board: Switchboard, settings: Settings
) -> None:
    with pytest.raises(HandrailError):
        await RelayClient(keys_of(organisation, organisation.device(), board.url), settings).connect()


async def test_the_identity_is_renewed_before_a_tunnel(
    organisation: Organisation, person: Credentials, board: Switchboard, settings: Settings
) -> None:
    fresh = keys_of(organisation, organisation.technician(peer=person.peer), board.url)

    async def renew(keys: TechnicianKeys) -> TechnicianKeys:
        return fresh

    async with RelayClient(keys_of(organisation, person, board.url), settings, renew=renew) as client:
        await client.ask(next(iter(board.devices)))
        assert client.identity is fresh


def test_delays_double_up_to_the_most_and_begin_anew() -> None:
    backoff = Backoff(1.0, 5.0, lambda low, high: (low + high) / 2)
    assert [backoff.delay() for _ in range(5)] == [0.75, 1.5, 3.0, 3.75, 3.75]
    backoff.reset()
    assert backoff.delay() == 0.75


def test_an_address_that_cannot_be_used_is_said_at_once(
    organisation: Organisation, person: Credentials, settings: Settings
) -> None:
    with pytest.raises(HandrailError, match="not encrypted"):
        RelayClient(keys_of(organisation, person, "http://relay.example"), settings)
