"""Links: who is let in, what they may say, how they end."""

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from protocol.certificates import PrivateKey
from protocol.errors import RefusalReason
from protocol.limits import LIMITS, Limits
from protocol.link import LinkRefused, PeerLink, encode_link
from protocol.link_messages import (
    CodeRedeem,
    DevicesPage,
    DevicesQuery,
    Done,
    Failed,
    HelpCode,
    HelpRequest,
    LoggedIn,
    Login,
    LoginRefused,
    MailAck,
    MailDeliver,
    MailSend,
    Role,
    TunnelOffer,
    UploadAsk,
)
from relay.config import Bounds
from relay.links import REPLACED
from relay.metrics import Loss, Refusal
from relay.store.database import StoreError
from tests.kit.organisation import Credentials, Organisation
from tests.kit.relays import RunningRelay, serving
from tests.kit.waiting import eventually_async


def stolen(leaf: list[bytes], role: Role) -> Credentials:
    """Somebody's certificates with somebody else's key."""
    return Credentials(role, "x", PrivateKey.generate(), leaf, PrivateKey.generate(), leaf)


async def test_each_role_logs_in_and_is_told_who_it_is(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        for who in (org.device(), org.technician(), org.signer()):
            peer = await client.login(who, label="L", platform="P")
            assert (peer.ready.peer, peer.ready.organisation) == (who.peer, org.id)
            assert peer.ready.heartbeat == LIMITS.link_heartbeat_seconds
        assert len(client.relay.hub) == 3
        assert {link.label for link in client.relay.hub.all()} == {"L"}


async def refusal(client: RunningRelay, who: Credentials, *, origin: str = "") -> RefusalReason:
    answer = await client.try_login(who, origin=origin)
    assert isinstance(answer, LinkRefused), answer
    assert answer.text
    return answer.reason


async def test_nobody_else_is_let_in(tmp_path: Path) -> None:
    org, other = Organisation(), Organisation()
    long_ago = Organisation(wall=datetime.now(UTC) - timedelta(days=200))
    async with serving(tmp_path) as client:
        for one in (org, long_ago):
            await client.register(one)
        device = org.device()
        assert await refusal(client, other.device()) is RefusalReason.NOT_FOUND
        assert await refusal(client, stolen(device.login_chain, Role.DEVICE)) is RefusalReason.UNTRUSTED
        assert await refusal(client, device, origin="https://another.example") is RefusalReason.UNTRUSTED
        assert await refusal(client, long_ago.device()) is RefusalReason.UNTRUSTED
        session_leaf = Credentials(Role.DEVICE, device.peer, device.key, device.chain, device.key, device.chain)
        assert await refusal(client, session_leaf) is RefusalReason.UNTRUSTED
        assert len(client.relay.hub) == 0
        assert client.relay.metrics.refused(Refusal.LOGIN_FAILED) == 5


@pytest.mark.parametrize("name", ["signer", "enrolment0"])
async def test_names_of_mailboxes_are_no_names_of_peers(tmp_path: Path, name: str) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        assert await refusal(client, org.device(peer=name)) is RefusalReason.INVALID


async def test_a_login_for_an_inside_name_of_the_relay(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path, other_urls=["https://relay.inside"]) as client:
        await client.register(org)
        await client.login(org.device(), origin="https://relay.inside")


async def test_thirty_failed_logins_a_minute_and_the_address_waits(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path, bounds=Bounds(failed_logins_per_minute=3)) as client:
        await client.register(org)
        bad, good = stolen(org.device().login_chain, Role.DEVICE), org.device()
        inside = await client.login(good)
        for _ in range(3):
            await client.login(org.device())  # good ones are not counted: offices share an address
            await refusal(client, bad)
        with pytest.raises(InvalidStatus) as caught:
            await client.login(good)
        assert caught.value.response.status_code == 429
        assert int(caught.value.response.headers["Retry-After"]) > 0
        assert isinstance(await inside.request(HelpRequest(1), HelpCode), HelpCode), "who is in stays in"
        client.clock.ahead += 61
        await client.login(good)


async def test_a_login_has_ten_seconds(tmp_path: Path) -> None:
    async with serving(tmp_path, limits=Limits(link_login_seconds=0.2)) as client:
        socket = await client.open("/link", compression=None)
        await socket.recv()
        await socket.wait_closed()
        assert socket.close_code == 1008
        assert client.relay.metrics.refused(Refusal.LOGIN_DEADLINE) == 1


GARBAGE = [
    b"",
    b"\xff" * 100,
    b"\x81\xa4type\xa5login",
    encode_link(HelpRequest(1)),
    encode_link(LoggedIn("x", "0" * 16, 1.0)),
    b"\x80" * 3000,
]


@pytest.mark.parametrize("data", [*GARBAGE, "text"])
async def test_garbage_before_the_login_ends_it(tmp_path: Path, data: bytes | str) -> None:
    async with serving(tmp_path) as client:
        socket = await client.open("/link", compression=None)
        await socket.recv()
        await socket.send(data)
        await socket.wait_closed()
        assert client.relay.metrics.refused(Refusal.LOGIN_FAILED) == 1
        assert client.relay.metrics.lost(Loss.INTERNAL_ERROR) == 0


@pytest.mark.parametrize(
    "data", [*GARBAGE[:3], b"\x80" * 9000, "text", encode_link(UploadAsk(1)), encode_link(CodeRedeem(1, "000000000"))]
)
async def test_garbage_after_the_login_ends_the_link_and_no_other(tmp_path: Path, data: bytes | str) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        bad, good = await client.login(org.device()), await client.login(org.device())
        await bad.socket.send(data)
        await bad.socket.wait_closed()
        assert client.relay.metrics.refused(Refusal.LINK_MESSAGE) == 1
        assert client.relay.metrics.lost(Loss.INTERNAL_ERROR) == 0
        assert isinstance(await good.request(HelpRequest(1), HelpCode), HelpCode)


async def test_random_bytes_and_broken_messages_never_break_the_relay(tmp_path: Path) -> None:
    org = Organisation()
    draw = random.Random(11)
    async with serving(tmp_path) as client:
        await client.register(org)
        for _ in range(40):
            who = draw.choice([org.device(), org.technician(), org.signer()])
            peer = await client.login(who)
            whole = encode_link(draw.choice([MailSend(1, "signer", "job", b"x"), DevicesQuery(1), HelpRequest(1), UploadAsk(1)]))
            data = bytearray(whole)
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
            await peer.socket.send(bytes(data[: draw.randrange(1, len(data) + 1)]))
            await peer.close()
        await eventually_async(lambda: len(client.relay.hub) == 0, "all links are over")
        assert client.relay.metrics.lost(Loss.INTERNAL_ERROR) == 0


async def test_a_full_disk_keeps_nobody_from_being_helped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was seen when cannot be written down; codes and tunnels need no disk."""
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)

        def full() -> NoReturn:
            raise StoreError("The relay's database cannot be used now (database or disk is full).")

        with monkeypatch.context() as patch:
            patch.setattr(client.relay.database, "writing", full)
            device, technician = await client.login(org.device()), await client.login(org.technician())
            code = (await device.request(HelpRequest(1), HelpCode)).code
            offer = await technician.request(CodeRedeem(2, code), TunnelOffer)
            assert offer.peer == device.ready.peer
            await device.close()
            await eventually_async(lambda: len(client.relay.hub) == 1, "its link is over")
        assert client.relay.metrics.lost(Loss.INTERNAL_ERROR) == 3
        assert isinstance(await (await client.login(org.device())).request(HelpRequest(1), HelpCode), HelpCode)


async def test_a_link_that_comes_again_replaces_a_devices_old_one(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        who = org.device()
        old = await client.login(who)
        new = await client.login(who)
        assert await old.closed() == REPLACED
        assert isinstance(await new.request(HelpRequest(1), HelpCode), HelpCode)
        technician = await client.login(org.technician())
        [row] = (await technician.request(DevicesQuery(1), DevicesPage)).devices
        assert row.online


async def test_mail_waits_over_links_and_a_restart(tmp_path: Path) -> None:
    org = Organisation()
    who = org.device()
    async with serving(tmp_path) as client:
        await client.register(org)
        await (await client.login(who)).close()
        signer = await client.login(org.signer())
        await signer.request(MailSend(1, who.peer, "job", b"sealed"), Done)
    async with serving(tmp_path) as client:
        first = await client.login(who)
        mail = await first.receive(MailDeliver)
        assert mail.body == b"sealed"
        await first.close()
        second = await client.login(who)
        assert await second.receive(MailDeliver) == mail
        await second.send(MailAck(mail.mail))
        await second.request(HelpRequest(1), HelpCode)
        await second.close()
        third = await client.login(who)
        await third.request(HelpRequest(1), HelpCode)
        assert third.inbox == []


async def test_what_was_in_flight_to_one_signer_goes_to_the_next(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        first, second = await client.login(org.signer()), await client.login(org.signer())
        device = await client.login(org.device())
        await device.request(MailSend(1, "signer", "renewal", b"doc"), Done)
        mail = await first.receive(MailDeliver)
        assert second.inbox == []
        await first.close()
        assert await second.receive(MailDeliver) == mail


async def test_a_hasty_link_is_read_slowly_and_answered_wholly(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        technician = await client.login(org.technician())
        begun, now = client.clock.now(), client.clock.now
        client.clock.now = lambda: begun  # however slow this machine is, all of it comes at once
        for number in range(220):
            await technician.send(DevicesQuery(number))
        await eventually_async(lambda: client.relay.metrics.slowed._value.get() > 0, "it is slowed")
        client.clock.now = now
        answers = [await technician.receive(DevicesPage) for _ in range(220)]
        assert [page.request for page in answers] == list(range(220))
        assert now() - begun > 0.25


async def test_links_beyond_the_bound_are_refused_by_name(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path, bounds=Bounds(links=1)) as client:
        await client.register(org)
        await client.login(org.device())
        with pytest.raises(InvalidStatus) as caught:
            await client.login(org.device())
        assert caught.value.response.status_code == 503
        assert client.relay.metrics.refused(Refusal.LINKS) == 1


async def test_one_who_never_reads_is_cut_and_the_others_are_not(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        deaf = await client.login(org.technician())
        deaf.socket.transport.pause_reading()
        [link] = client.relay.hub.all()
        for _ in range(200):
            link.post(MailDeliver("m", "s", "k", b"x" * 128 * 1024))
            await asyncio.sleep(0)
        assert client.relay.metrics.lost(Loss.SLOW_LINK) == 1
        await eventually_async(lambda: len(client.relay.hub) == 0, "the deaf one is gone")
        assert isinstance(await (await client.login(org.device())).request(HelpRequest(1), HelpCode), HelpCode)


async def test_one_who_was_logging_in_when_the_relay_began_to_stop_is_sent_away_too(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        who = org.device()
        machine = PeerLink(who.role, who.login_key, who.login_chain, client.url, "", "", time.monotonic())
        socket = await client.open("/link", compression=None)
        challenge = await socket.recv()
        client.relay.drain.begin()
        assert isinstance(challenge, bytes)
        machine.receive_data(challenge, time.monotonic())
        for data in machine.data_to_send():
            await socket.send(data)
        await socket.wait_closed()
        assert socket.close_code == 1001


async def test_nobody_is_let_in_while_the_relay_stops(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        client.relay.drain.begin()
        for path in ("/link", "/tunnel"):
            with pytest.raises(InvalidStatus) as caught:
                await client.open(path, compression=None)
            assert caught.value.response.status_code == 503
        assert client.relay.metrics.refused(Refusal.DRAINING) == 2


async def test_the_old_protocol_is_refused_by_name(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        socket = await client.open("/link", compression=None)
        await socket.recv()
        who = org.device()
        await socket.send(encode_link(Login(Role.DEVICE, who.login_chain, b"x", 0)))
        data = await socket.recv()
        assert isinstance(data, bytes)
        assert msgspec.msgpack.decode(data, type=LoginRefused).reason is RefusalReason.VERSION


async def test_an_unknown_request_number_of_a_failed_request_comes_back(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        technician = await client.login(org.technician())
        answer = await technician.request(CodeRedeem(4_294_967_295, "000000000"), Failed)
        assert answer.reason is RefusalReason.NOT_FOUND


# -- guests ---------------------------------------------------------------------------------------------------------------


async def test_a_guest_logs_in_and_gets_a_code_that_ends_with_its_link(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        guest, technician = await client.login(org.guest()), await client.login(org.technician())
        code = await guest.request(HelpRequest(1), HelpCode)
        assert await client.metric("links", role="guest") == 1
        await guest.close()
        await eventually_async(lambda: client.relay.hub.guests() == 0, "the guest is gone")
        refused = await technician.refused(CodeRedeem(2, code.code))
        assert refused.reason is RefusalReason.NOT_FOUND


async def test_a_guest_may_say_nothing_else(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path) as client:
        await client.register(org)
        for message in (MailSend(1, "signer", "job", b""), DevicesQuery(1), CodeRedeem(1, "0" * 9), UploadAsk(1)):
            guest = await client.login(org.guest())
            await guest.socket.send(encode_link(message))
            assert await guest.closed() == 1002


async def test_guests_are_few_and_in_nobodys_way(tmp_path: Path) -> None:
    one, other = Organisation(), Organisation()
    bounds = Bounds(guests=3, guests_per_organisation=2)
    async with serving(tmp_path, bounds=bounds) as client:
        for org in (one, other):
            await client.register(org)
        for org in (one, one, other):
            await client.login(org.guest())
        assert await refusal(client, one.guest()) is RefusalReason.LIMIT
        assert await refusal(client, other.guest()) is RefusalReason.LIMIT
        assert client.relay.metrics.refused(Refusal.GUESTS) == 2
        await client.login(one.device())
        await client.login(other.technician())


async def test_guests_of_one_address_are_counted(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path, bounds=Bounds(guest_logins_per_minute=2)) as client:
        await client.register(org)
        for _ in range(2):
            await (await client.login(org.guest())).close()
        assert await refusal(client, org.guest()) is RefusalReason.LIMIT
        assert client.relay.metrics.refused(Refusal.GUEST_RATE) == 1
        await client.login(org.device())
        client.clock.ahead += 61.0
        await client.login(org.guest())
