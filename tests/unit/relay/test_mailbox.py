"""Documents wait, are delivered, are acknowledged; all of it bounded."""

import random
from collections.abc import Callable

import pytest

from protocol.errors import RefusalReason, Refused
from protocol.limits import LIMITS, Limits
from protocol.link_messages import MailDeliver, Role
from relay.config import Bounds
from relay.links import LinkHub
from relay.mailbox import WINDOW, Letter, Mailbox
from relay.metrics import Loss, Metrics, Refusal
from relay.store.database import Database
from tests.kit.relays import HandClock
from tests.unit.relay.conftest import ORG, OTHER, Make, Posted

Box = Callable[..., Mailbox]


@pytest.fixture
def box(database: Database, hub: LinkHub, metrics: Metrics, clock: HandClock) -> Box:
    random_bytes = random.Random(2).randbytes

    def made(bounds: Bounds | None = None, limits: Limits = LIMITS) -> Mailbox:
        return Mailbox(database, hub, metrics, clock, random_bytes, bounds or Bounds(), limits)

    return made


def letter(body: bytes = b"sealed", *, to: str = "d", sender: str = "signer", organisation: str = ORG) -> Letter:
    return Letter(organisation, to, sender, "job", body)


async def delivered(posted: Posted) -> list[MailDeliver]:
    found = []
    while posted.link.queued:
        message = await posted.next()
        assert isinstance(message, MailDeliver)
        found.append(message)
    return found


async def test_a_document_waits_for_its_recipient_and_comes_again_until_acknowledged(box: Box, make: Make, hub: LinkHub) -> None:
    mailbox = box()
    await mailbox.store(letter(b"one"))
    first = make(Role.DEVICE, "d")
    await mailbox.deliver(ORG, "d")
    await mailbox.deliver(ORG, "d")
    [mail] = await delivered(first)
    assert (mail.sender, mail.kind, mail.body) == ("signer", "job", b"one")
    hub.remove(first.link)
    second = make(Role.DEVICE, "d")
    await mailbox.deliver(ORG, "d")
    assert [again.mail for again in await delivered(second)] == [mail.mail]
    await mailbox.acknowledge(second.link, mail.mail)
    third = make(Role.DEVICE, "d")
    await mailbox.deliver(ORG, "d")
    assert await delivered(third) == []


async def test_whoever_is_online_gets_it_at_once(box: Box, make: Make) -> None:
    signer = make(Role.SIGNER, "signer")
    await box().store(letter(b"now", to="signer", sender="d"))
    assert [mail.body for mail in await delivered(signer)] == [b"now"]


async def test_nobody_gets_or_forgets_anothers_document(box: Box, make: Make) -> None:
    mailbox = box()
    await mailbox.store(letter())
    owner, stranger, foreigner = make(Role.DEVICE, "d"), make(Role.DEVICE, "e"), make(Role.DEVICE, "d", OTHER)
    for posted in (owner, stranger, foreigner):
        await mailbox.deliver(posted.link.organisation, posted.link.peer)
    [mail] = await delivered(owner)
    assert await delivered(stranger) == await delivered(foreigner) == []
    await mailbox.acknowledge(stranger.link, mail.mail)
    await mailbox.acknowledge(foreigner.link, mail.mail)
    again = make(Role.DEVICE, "d")
    await mailbox.deliver(ORG, "d")
    assert [m.mail for m in await delivered(again)] == [mail.mail]


async def test_a_window_is_in_flight_and_each_acknowledgement_brings_the_next(box: Box, make: Make) -> None:
    mailbox = box()
    for number in range(WINDOW + 3):
        await mailbox.store(letter(b"%d" % number))
    posted = make(Role.DEVICE, "d")
    await mailbox.deliver(ORG, "d")
    first = await delivered(posted)
    assert [int(mail.body) for mail in first] == list(range(WINDOW))
    for mail in first[:3]:
        await mailbox.acknowledge(posted.link, mail.mail)
    assert [int(mail.body) for mail in await delivered(posted)] == [WINDOW, WINDOW + 1, WINDOW + 2]


async def refused(mailbox: Mailbox, one: Letter) -> None:
    with pytest.raises(Refused) as caught:
        await mailbox.store(one)
    assert caught.value.reason is RefusalReason.LIMIT


async def test_every_bound_refuses_by_name(box: Box, metrics: Metrics) -> None:
    await refused(box(limits=Limits(mailbox_document_bytes=10)), letter(b"x" * 11))
    few = box(limits=Limits(mailbox_documents=1))
    await few.store(letter())
    await refused(few, letter())
    await few.store(letter(to="another"))
    await refused(box(Bounds(mailbox_bytes=10)), letter(b"x" * 11, to="bytes"))
    per_sender = box(Bounds(mailbox_documents_per_sender=1, mailbox_documents_signer=2))
    await per_sender.store(letter(to="signer", sender="e1"))
    await refused(per_sender, letter(to="signer", sender="e1"))
    await per_sender.store(letter(to="signer", sender="e2"))
    await refused(per_sender, letter(to="signer", sender="e3"))
    assert metrics.refused(Refusal.MAILBOX_FULL) == 5


async def test_bounds_of_one_organisation_do_not_touch_another(box: Box) -> None:
    mailbox = box(limits=Limits(mailbox_documents=1))
    await mailbox.store(letter())
    await mailbox.store(letter(organisation=OTHER))


async def test_old_documents_are_forgotten_by_name(box: Box, clock: HandClock, metrics: Metrics) -> None:
    mailbox = box()
    await mailbox.store(letter())
    clock.ahead += LIMITS.mailbox_seconds - 10
    await mailbox.store(letter())
    assert await mailbox.expire() == 0
    clock.ahead += 20
    assert await mailbox.expire() == 1
    assert metrics.lost(Loss.MAIL_EXPIRED) == 1
