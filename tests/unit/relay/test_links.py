"""Links: bounded queues, and who is where."""

from aiohttp import WSCloseCode

from protocol.link_messages import Done, MailDeliver, Reconnect, RepositoryChanged, Role
from relay.links import QUEUE_MESSAGES, REPLACED, LinkHub
from relay.metrics import Loss, Metrics
from tests.unit.relay.conftest import ORG, OTHER, Make, Posted


async def test_messages_come_out_in_order_and_then_the_end(make: Make) -> None:
    posted = make(Role.DEVICE, "d")
    posted.link.post(Done(1))
    posted.link.post(Done(2))
    posted.link.end(1001, b"bye")
    posted.link.post(Done(3))
    assert [await posted.link.next(), await posted.link.next(), await posted.link.next()] == [Done(1), Done(2), None]
    assert posted.link.ending == (1001, b"bye")


def test_a_peer_that_does_not_read_is_cut_by_name(make: Make, metrics: Metrics) -> None:
    by_number, by_size = make(Role.TECHNICIAN, "a"), make(Role.TECHNICIAN, "b")
    for number in range(QUEUE_MESSAGES + 1):
        by_number.link.post(Done(number))
    for number in range(100):
        by_size.link.post(MailDeliver(str(number), "s", "k", b"x" * 128 * 1024))
    assert by_number.cut
    assert by_size.cut
    assert by_size.link.queued == 0
    assert metrics.lost(Loss.SLOW_LINK) == 2


def test_a_repository_change_is_said_once(make: Make) -> None:
    posted = make(Role.DEVICE, "d")
    for _ in range(5):
        posted.link.post(RepositoryChanged())
    assert posted.link.queued == 1


def test_a_device_has_one_link_the_newest(make: Make, hub: LinkHub, metrics: Metrics) -> None:
    old, new = make(Role.DEVICE, "d"), make(Role.DEVICE, "d")
    assert hub.device(ORG, "d") is new.link
    assert old.link.ending is not None
    assert old.link.ending[0] == REPLACED
    assert metrics.lost(Loss.REPLACED_LINK) == 1
    assert not hub.remove(old.link), "it was removed when it was replaced"
    assert hub.online(ORG, "d")
    assert hub.remove(new.link)
    assert not hub.online(ORG, "d")
    assert len(hub) == 0


def test_a_technician_may_have_several_and_documents_go_to_the_oldest(make: Make, hub: LinkHub) -> None:
    first, second = make(Role.TECHNICIAN, "t"), make(Role.TECHNICIAN, "t")
    assert first.link.ending is None
    assert hub.reader(ORG, "t") is first.link
    hub.remove(first.link)
    assert hub.reader(ORG, "t") is second.link


def test_the_signers_mailbox_is_read_by_the_signer_alone(make: Make, hub: LinkHub) -> None:
    make(Role.DEVICE, "d")
    assert hub.reader(ORG, "signer") is None
    signer = make(Role.SIGNER, "signer")
    assert hub.reader(ORG, "signer") is signer.link
    assert hub.reader(OTHER, "signer") is None


def test_organisations_do_not_see_each_other(make: Make, hub: LinkHub) -> None:
    ours, theirs = make(Role.DEVICE, "d"), make(Role.DEVICE, "d", OTHER)
    assert hub.device(ORG, "d") is ours.link
    assert hub.device(OTHER, "d") is theirs.link
    assert ours.link.ending is None
    hub.tell(ORG, RepositoryChanged())
    assert (ours.link.queued, theirs.link.queued) == (1, 0)


def test_only_who_watches_is_marked(make: Make, hub: LinkHub) -> None:
    watching, other = make(Role.TECHNICIAN, "t"), make(Role.TECHNICIAN, "u")
    assert not hub.mark(ORG, "d")
    watching.link.watching = True
    assert hub.mark(ORG, "d")
    assert list(hub.watchers()) == [watching.link]
    assert other.link.changed == set()


async def test_closing_all_says_farewell_first(make: Make, hub: LinkHub) -> None:
    posted = make(Role.DEVICE, "d")
    hub.close_all(lambda: Reconnect(3.0))
    assert await posted.link.next() == Reconnect(3.0)
    assert posted.link.ending == (WSCloseCode.GOING_AWAY, b"the relay is stopping")
    hub.remove(posted.link)
    await hub.empty()


def test_gauges_follow(hub: LinkHub, metrics: Metrics, make: Make) -> None:
    posted: Posted = make(Role.DEVICE, "d")
    assert metrics.registry.get_sample_value("handrail_relay_links", {"role": "device"}) == 1
    hub.remove(posted.link)
    assert metrics.registry.get_sample_value("handrail_relay_links", {"role": "device"}) == 0


def test_a_guest_is_found_behind_its_code_and_as_no_device(make: Make, hub: LinkHub) -> None:
    guest, device = make(Role.GUEST, "g"), make(Role.DEVICE, "d")
    make(Role.GUEST, "h", OTHER)
    assert hub.device(ORG, "g") is None
    assert not hub.online(ORG, "g")
    assert hub.reader(ORG, "g") is None
    assert hub.behind_code(ORG, "g") is guest.link
    assert hub.behind_code(ORG, "d") is device.link
    assert (hub.guests(), hub.guests(ORG), hub.guests(OTHER)) == (2, 1, 1)
