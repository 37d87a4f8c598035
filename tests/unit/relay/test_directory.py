"""The directory: what devices said about themselves, by organisation."""

import msgspec

from protocol.limits import LIMITS
from protocol.link import encode_link
from protocol.link_messages import DevicesPage, DevicesQuery, Role
from relay.codes import CodeBook
from relay.directory import Directory
from relay.links import LinkHub
from tests.kit.relays import HandClock
from tests.unit.relay.conftest import ORG, OTHER, Make


async def everything(directory: Directory, text: str = "", limit: int = 2) -> list[str]:
    """Ids by paging to the end, each page checked to fit the wire."""
    found: list[str] = []
    cursor = ""
    while True:
        page = await directory.page(ORG, DevicesQuery(1, text, cursor, limit))
        data = encode_link(page)
        assert len(data) <= LIMITS.link_message_bytes
        assert msgspec.msgpack.decode(data, type=DevicesPage) == page
        found += [row.id for row in page.devices]
        if not page.cursor:
            return found
        cursor = page.cursor


async def test_pages_go_by_label_through_everything_once(directory: Directory, make: Make) -> None:
    for number in range(7):
        await directory.seen(make(Role.DEVICE, f"d{number}", label="Same" if number < 5 else f"A{number}").link)
    await directory.seen(make(Role.DEVICE, "foreign", OTHER).link)
    await directory.seen(make(Role.TECHNICIAN, "tech").link)
    await directory.seen(make(Role.SIGNER, "signer").link)
    assert await everything(directory) == ["d5", "d6", "d0", "d1", "d2", "d3", "d4"]
    assert await everything(directory, limit=500) == await everything(directory)


async def test_text_filters_label_and_id_without_case_and_without_wildcards(directory: Directory, make: Make) -> None:
    for peer, label in (("d1", "Straße 100%"), ("d2", "STRASSE"), ("d3", "under_score")):
        await directory.seen(make(Role.DEVICE, peer, label=label).link)
    assert await everything(directory, "strasse") == ["d2", "d1"]
    assert await everything(directory, "%") == ["d1"]
    assert await everything(directory, "_") == ["d3"]
    assert await everything(directory, "D3") == ["d3"]


async def test_a_page_of_hostile_labels_still_fits_one_message(directory: Directory, make: Make, codes: CodeBook) -> None:
    for number in range(120):
        await directory.seen(make(Role.DEVICE, f"d{number:03}", label="\U0001f600" * 100).link)
        codes.issue(ORG, f"d{number:03}", 1, "\U0001f4a3" * 500, now=1e12, wall=0.0)
    assert len(await everything(directory, limit=500)) == 120


async def test_rows_say_what_is_true_now(
    directory: Directory, make: Make, hub: LinkHub, codes: CodeBook, clock: HandClock
) -> None:
    device = make(Role.DEVICE, "d", label="Front desk").link
    await directory.seen(device)
    seen = clock.wall()
    code = codes.issue(ORG, "d", 1, "it is slow", now=clock.now(), wall=seen)
    row = await directory.device(ORG, "d")
    assert row is not None
    assert (row.label, row.platform, row.online, row.waiting, row.waiting_text) == (
        "Front desk",
        "Debian 12",
        True,
        True,
        "it is slow",
    )
    assert row.waiting_since == seen
    assert (row.waiting_tier, row.waiting_peer) == (0, "")
    code = codes.issue(ORG, "d", 2, "", now=clock.now(), wall=seen, tier=2, peer="t7")
    row = await directory.device(ORG, "d")
    assert row is not None and (row.waiting_tier, row.waiting_peer) == (2, "t7")
    codes.consume(code)
    hub.remove(device)
    await directory.seen(device)
    clock.ahead += 500
    row = await directory.device(ORG, "d")
    assert row is not None
    assert (row.online, row.waiting, row.waiting_text) == (False, False, "")
    assert clock.wall() - row.last_seen >= 499


async def test_a_new_label_replaces_the_old(directory: Directory, make: Make) -> None:
    await directory.seen(make(Role.DEVICE, "d", label="Old").link)
    await directory.seen(make(Role.DEVICE, "d", label="New").link)
    assert [row.label for row in await directory.rows(ORG, ["d", "missing"])] == ["New"]
    assert await directory.device(OTHER, "d") is None


async def test_knows_devices_and_technicians_of_the_organisation(directory: Directory, make: Make) -> None:
    await directory.seen(make(Role.DEVICE, "d").link)
    await directory.seen(make(Role.TECHNICIAN, "t").link)
    assert await directory.knows(ORG, "d")
    assert await directory.knows(ORG, "t")
    assert not await directory.knows(OTHER, "d")
    assert not await directory.knows(ORG, "x")
    assert await directory.device(ORG, "t") is None


async def test_a_cursor_of_somebody_elses_making_is_harmless(directory: Directory, make: Make) -> None:
    await directory.seen(make(Role.DEVICE, "d").link)
    for cursor in ("x", "\x1f", "' OR 1=1 --", "\x1f" * 50):
        page = await directory.page(ORG, DevicesQuery(1, "", cursor, 10))
        assert len(page.devices) <= 1


async def test_nothing_of_a_guest_is_kept(directory: Directory, make: Make) -> None:
    await directory.seen(make(Role.GUEST, "g").link)
    assert not await directory.knows(ORG, "g")
    assert await directory.device(ORG, "g") is None
