"""What each request of a link leads to. The machines of login and WebSockets are elsewhere; here links are posted to."""

import dataclasses
import random
from dataclasses import dataclass

import pytest

from protocol.errors import RefusalReason
from protocol.limits import LIMITS
from protocol.link_messages import (
    CodeRedeem,
    ColleaguesOnline,
    ColleaguesQuery,
    DeviceAsk,
    DevicesPage,
    DevicesQuery,
    Done,
    Failed,
    HelpCancel,
    HelpCode,
    HelpRequest,
    LinkMessage,
    MailAck,
    MailDeliver,
    MailSend,
    Reconnect,
    Role,
    TunnelOffer,
    UploadAsk,
    UploadTicket,
)
from relay.codes import CodeBook
from relay.config import Bounds
from relay.directory import Directory
from relay.enrolments import Enrolments
from relay.links import LinkHub
from relay.mailbox import Mailbox
from relay.metrics import Loss, Metrics, Refusal
from relay.organisations import Organisations
from relay.ratelimit import SlidingWindow
from relay.store.database import Database
from relay.switchboard import Switchboard
from relay.tickets import UploadTickets
from relay.tunnels import End, TunnelTable
from tests.kit.relays import HandClock
from tests.unit.relay.conftest import ORG, OTHER, Make, Posted


@dataclass
class Desk:
    """The switchboard, and peers to talk to it."""

    board: Switchboard
    make: Make
    clock: HandClock
    metrics: Metrics

    async def seen(self, role: Role, peer: str, organisation: str = ORG) -> Posted:
        posted = self.make(role, peer, organisation)
        await self.board.directory.seen(posted.link)
        return posted

    async def ask(self, posted: Posted, message: LinkMessage, *, draining: bool = False) -> LinkMessage:
        await self.board.handle(posted.link, message, draining=draining)
        return await posted.next()

    async def refused(self, posted: Posted, message: LinkMessage, *, draining: bool = False) -> RefusalReason:
        answer = await self.ask(posted, message, draining=draining)
        assert isinstance(answer, Failed), answer
        assert answer.text
        return answer.reason

    async def code(self, device: Posted, request: int = 1) -> str:
        answer = await self.ask(device, HelpRequest(request, "it is slow"))
        assert isinstance(answer, HelpCode)
        return answer.code


@pytest.fixture
def desk(
    database: Database, hub: LinkHub, metrics: Metrics, clock: HandClock, directory: Directory, codes: CodeBook, make: Make
) -> Desk:
    draw, bounds = random.Random(3).randbytes, Bounds()
    mailbox = Mailbox(database, hub, metrics, clock, draw, bounds)
    organisations = Organisations(database, metrics, clock, origin="https://x", relay_spki="", per_minute=1)
    enrolments = Enrolments(database, organisations, mailbox, SlidingWindow(1, 1.0), metrics, clock, draw, bounds)
    tunnels = TunnelTable(draw)
    board = Switchboard(hub, codes, tunnels, directory, mailbox, enrolments, UploadTickets(draw), metrics, clock)
    return Desk(board, make, clock, metrics)


async def test_a_code_pairs_technician_and_device(desk: Desk) -> None:
    device, technician = await desk.seen(Role.DEVICE, "d"), await desk.seen(Role.TECHNICIAN, "t")
    code = await desk.code(device, request=5)
    row = await desk.board.directory.device(ORG, "d")
    assert row is not None
    assert (row.waiting, row.waiting_text) == (True, "it is slow")
    theirs, mine = await desk.ask(technician, CodeRedeem(9, code)), await device.next()
    assert isinstance(theirs, TunnelOffer)
    assert isinstance(mine, TunnelOffer)
    assert (theirs.request, theirs.peer, theirs.label, theirs.by_code) == (9, "d", "D", True)
    assert (mine.request, mine.peer, mine.label, mine.by_code) == (5, "t", "T", True)
    claims = [desk.board.tunnels.claim(offer.ticket, desk.clock.now()) for offer in (theirs, mine)]
    assert claims[0].tunnel == claims[1].tunnel
    assert [claim.end for claim in claims] == [End.TECHNICIAN, End.DEVICE]
    assert await desk.refused(technician, CodeRedeem(10, code)) is RefusalReason.NOT_FOUND


async def test_a_code_stands_while_its_device_is_away_for_a_moment(desk: Desk) -> None:
    device, technician = await desk.seen(Role.DEVICE, "d"), await desk.seen(Role.TECHNICIAN, "t")
    code = await desk.code(device)
    desk.board.hub.remove(device.link)
    assert await desk.refused(technician, CodeRedeem(1, code)) is RefusalReason.OFFLINE
    await desk.seen(Role.DEVICE, "d")
    assert isinstance(await desk.ask(technician, CodeRedeem(2, code)), TunnelOffer)


async def test_wrong_codes_are_counted_and_lock(desk: Desk) -> None:
    technician = await desk.seen(Role.TECHNICIAN, "t")
    reasons = [await desk.refused(technician, CodeRedeem(n, "000000000")) for n in range(LIMITS.code_wrong_per_technician + 1)]
    assert reasons == [RefusalReason.NOT_FOUND] * LIMITS.code_wrong_per_technician + [RefusalReason.LOCKED]
    assert desk.metrics.refused(Refusal.CODE_WRONG) == LIMITS.code_wrong_per_technician
    assert desk.metrics.refused(Refusal.CODE_LOCKED_TECHNICIAN) == 1
    assert desk.metrics.refused(Refusal.REQUEST) == 0, "each is counted once"


async def test_an_organisation_locks_by_name(desk: Desk) -> None:
    for number in range(LIMITS.code_wrong_per_organisation):
        technician = await desk.seen(Role.TECHNICIAN, f"t{number // 5}")
        assert await desk.refused(technician, CodeRedeem(1, "000000000")) is RefusalReason.NOT_FOUND
    fresh = await desk.seen(Role.TECHNICIAN, "fresh")
    assert await desk.refused(fresh, CodeRedeem(1, "000000000")) is RefusalReason.LOCKED
    assert desk.metrics.refused(Refusal.CODE_LOCKED_ORGANISATION) == 1


async def test_a_code_can_be_taken_back(desk: Desk) -> None:
    device, technician = await desk.seen(Role.DEVICE, "d"), await desk.seen(Role.TECHNICIAN, "t")
    code = await desk.code(device, request=4)
    assert await desk.ask(device, HelpCancel(4)) == Done(4)
    assert await desk.ask(device, HelpCancel(4)) == Done(4)
    assert await desk.refused(technician, CodeRedeem(1, code)) is RefusalReason.NOT_FOUND


async def test_a_known_device_is_asked_by_name(desk: Desk) -> None:
    device, technician = await desk.seen(Role.DEVICE, "d"), await desk.seen(Role.TECHNICIAN, "t")
    offer, mine = await desk.ask(technician, DeviceAsk(3, "d")), await device.next()
    assert isinstance(offer, TunnelOffer)
    assert isinstance(mine, TunnelOffer)
    assert (offer.request, offer.by_code, mine.request, mine.by_code) == (3, False, 0, False)
    desk.board.hub.remove(device.link)
    assert await desk.refused(technician, DeviceAsk(4, "d")) is RefusalReason.OFFLINE
    assert await desk.refused(technician, DeviceAsk(5, "nobody")) is RefusalReason.NOT_FOUND
    assert desk.metrics.refused(Refusal.REQUEST) == 2


async def test_a_device_of_another_organisation_does_not_exist(desk: Desk) -> None:
    foreign, technician = await desk.seen(Role.DEVICE, "d", OTHER), await desk.seen(Role.TECHNICIAN, "t")
    assert await desk.refused(technician, DeviceAsk(1, "d")) is RefusalReason.NOT_FOUND
    code = await desk.code(foreign)
    assert await desk.refused(technician, CodeRedeem(2, code)) is RefusalReason.NOT_FOUND
    assert foreign.link.queued == 0


async def test_a_device_cannot_be_pestered_without_bound(desk: Desk) -> None:
    await desk.seen(Role.DEVICE, "d")
    technician = await desk.seen(Role.TECHNICIAN, "t")
    answers = [await desk.ask(technician, DeviceAsk(n, "d")) for n in range(17)]
    assert [type(answer) for answer in answers] == [TunnelOffer] * 16 + [Failed]
    assert isinstance(answers[-1], Failed)
    assert answers[-1].reason is RefusalReason.LIMIT
    assert desk.metrics.refused(Refusal.TUNNELS_OF_DEVICE) == 1


@pytest.mark.parametrize(("bound", "reason"), [("most", Refusal.TUNNELS), ("per_technician", Refusal.TUNNELS_OF_TECHNICIAN)])
async def test_each_bound_of_tunnels_is_counted_by_its_name(desk: Desk, bound: str, reason: Refusal) -> None:
    tight: dict[str, int] = {bound: 1}
    board = dataclasses.replace(desk.board, tunnels=TunnelTable(random.Random(4).randbytes, **tight))
    desk = Desk(board, desk.make, desk.clock, desk.metrics)
    for name in ("d", "e"):
        await desk.seen(Role.DEVICE, name)
    technician = await desk.seen(Role.TECHNICIAN, "t")
    assert isinstance(await desk.ask(technician, DeviceAsk(1, "d")), TunnelOffer)
    assert await desk.refused(technician, DeviceAsk(2, "e")) is RefusalReason.LIMIT
    assert desk.metrics.refused(reason) == 1


async def test_a_query_subscribes(desk: Desk) -> None:
    await desk.seen(Role.DEVICE, "d")
    technician = await desk.seen(Role.TECHNICIAN, "t")
    assert not technician.link.watching
    page = await desk.ask(technician, DevicesQuery(2))
    assert isinstance(page, DevicesPage)
    assert (page.request, [row.id for row in page.devices], page.cursor) == (2, ["d"], "")
    assert technician.link.watching


async def test_technicians_learn_which_of_their_colleagues_are_there(desk: Desk) -> None:
    await desk.seen(Role.DEVICE, "d")
    first, second = await desk.seen(Role.TECHNICIAN, "t1"), await desk.seen(Role.TECHNICIAN, "t2")
    await desk.seen(Role.TECHNICIAN, "t2")  # with the command line, beside the console
    assert await desk.ask(first, ColleaguesQuery(4)) == ColleaguesOnline(4, ["t2"])
    assert await desk.ask(second, ColleaguesQuery(5)) == ColleaguesOnline(5, ["t1"])


async def test_mail_goes_to_known_recipients(desk: Desk) -> None:
    device, signer = await desk.seen(Role.DEVICE, "d"), await desk.seen(Role.SIGNER, "signer")
    assert await desk.ask(device, MailSend(1, "signer", "renewal", b"doc")) == Done(1)
    mail = await signer.next()
    assert isinstance(mail, MailDeliver)
    assert (mail.sender, mail.kind, mail.body) == ("d", "renewal", b"doc")
    await desk.board.handle(signer.link, MailAck(mail.mail))
    assert signer.link.queued == 0
    assert await desk.refused(device, MailSend(2, "stranger", "job", b"")) is RefusalReason.NOT_FOUND
    assert await desk.refused(signer, MailSend(3, "enrolment" + "0" * 24, "enrolment.answer", b"")) is RefusalReason.NOT_FOUND
    assert desk.metrics.refused(Refusal.REQUEST) == 2


async def test_a_full_mailbox_is_counted_by_its_own_name(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    device = await desk.seen(Role.DEVICE, "d")
    monkeypatch.setattr(desk.board.mailbox, "_bounds", Bounds(mailbox_documents_per_sender=1))
    assert await desk.ask(device, MailSend(1, "signer", "renewal", b"doc")) == Done(1)
    assert await desk.refused(device, MailSend(2, "signer", "renewal", b"doc")) is RefusalReason.LIMIT
    assert (desk.metrics.refused(Refusal.MAILBOX_FULL), desk.metrics.refused(Refusal.REQUEST)) == (1, 0)


async def test_the_signer_gets_an_upload_ticket(desk: Desk) -> None:
    signer = await desk.seen(Role.SIGNER, "signer")
    answer = await desk.ask(signer, UploadAsk(1))
    assert isinstance(answer, UploadTicket)
    assert desk.board.uploads.organisation(answer.ticket, desk.clock.now()) == ORG


async def test_nothing_new_begins_while_draining(desk: Desk) -> None:
    device, technician = await desk.seen(Role.DEVICE, "d"), await desk.seen(Role.TECHNICIAN, "t")
    assert await desk.refused(device, HelpRequest(1), draining=True) is RefusalReason.SHUTTING_DOWN
    assert await desk.refused(technician, CodeRedeem(1, "000000000"), draining=True) is RefusalReason.SHUTTING_DOWN
    assert await desk.refused(technician, DeviceAsk(1, "d"), draining=True) is RefusalReason.SHUTTING_DOWN
    assert isinstance(await desk.ask(technician, DevicesQuery(1), draining=True), DevicesPage)
    assert (desk.metrics.refused(Refusal.DRAINING), desk.metrics.refused(Refusal.REQUEST)) == (3, 0)


async def test_a_database_that_fails_is_said_to_the_peer(desk: Desk, database: Database) -> None:
    technician = await desk.seen(Role.TECHNICIAN, "t")
    await database.close()
    database.path.unlink()
    assert await desk.refused(technician, DevicesQuery(1)) is RefusalReason.BUSY
    assert desk.metrics.lost(Loss.INTERNAL_ERROR) == 1


async def test_a_message_without_meaning_here_is_a_bug(desk: Desk) -> None:
    with pytest.raises(AssertionError, match="Reconnect"):
        await desk.board.handle((await desk.seen(Role.DEVICE, "d")).link, Reconnect(1.0))


async def test_only_a_code_leads_to_a_guest(desk: Desk) -> None:
    guest, technician = await desk.seen(Role.GUEST, "g"), await desk.seen(Role.TECHNICIAN, "t")
    code = await desk.code(guest, request=5)
    assert await desk.refused(technician, DeviceAsk(1, "g")) is RefusalReason.NOT_FOUND
    assert await desk.refused(technician, MailSend(2, "g", "job", b"")) is RefusalReason.NOT_FOUND
    page = await desk.ask(technician, DevicesQuery(3))
    assert isinstance(page, DevicesPage)
    assert page.devices == []
    theirs, mine = await desk.ask(technician, CodeRedeem(9, code)), await guest.next()
    assert isinstance(theirs, TunnelOffer)
    assert isinstance(mine, TunnelOffer)
    assert (theirs.peer, mine.request, mine.by_code) == ("g", 5, True)
    assert await desk.refused(technician, CodeRedeem(10, code)) is RefusalReason.NOT_FOUND


async def test_a_guest_gets_three_codes_and_no_more(desk: Desk) -> None:
    guest = await desk.seen(Role.GUEST, "g")
    codes = {await desk.code(guest, number) for number in range(3)}
    assert len(codes) == 3
    assert await desk.refused(guest, HelpRequest(4)) is RefusalReason.LIMIT
    assert desk.metrics.refused(Refusal.GUEST_CODES) == 1
