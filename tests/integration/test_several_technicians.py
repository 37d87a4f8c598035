"""Two technicians and a person on one real device: they watch along, hand over, and one calls the other in with a note that the
relay never reads."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import pytest

from agent.local_messages import ChatHeard, ConsentAsked
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.link_messages import DeviceRow
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import ColleaguesState, HandOver, Invite, InviteNotes, People
from protocol.messages.input import PointerMove
from protocol.messages.screen import ScreenAck, ScreenStart, ScreenUpdate
from protocol.messages.session import Refusal
from technician_client.colleagues import colleagues_online
from technician_client.knocking import decline, who_calls
from technician_client.link import RelayClient
from technician_client.resuming import resume
from technician_client.sessions import Session
from tests.kit.display import VirtualDisplay, virtual_display
from tests.kit.stage import Stage
from tests.kit.waiting import PATIENCE, eventually_async

pytestmark = [pytest.mark.display]
VIEW, CHAT, CONTROL, COLLEAGUES = Capability.VIEW, Capability.CHAT, Capability.CONTROL, Capability.COLLEAGUES
WANTED = (VIEW, CHAT, CONTROL, COLLEAGUES)
T = TypeVar("T")
NOTE = "the spooler crashes whenever the till prints"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, VirtualDisplay]]:
    with virtual_display(800, 600) as display:
        stage = Stage(tmp_path_factory.mktemp("colleagues"), display=display.name)
        try:
            yield stage, display
        finally:
            stage.stop()


class Seat:
    """One technician's session, with everything that was heard in it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.heard: list[object] = []
        self._items = session.subscribe(limit=10_000)
        self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        with self._items:
            async for item in self._items:
                self.heard.append(item)
                if isinstance(item, ScreenUpdate):
                    self.session.send(ScreenAck(item.sequence, 1.0, 0))

    async def hears(self, kind: type[T], holds: Callable[[T], bool] = lambda _: True) -> T:
        """The first message of a kind for which this holds."""

        def find() -> list[T]:
            return [item for item in self.heard if isinstance(item, kind) and holds(item)]

        return (await eventually_async(find, f"a {kind.__name__}"))[0]

    async def leave(self) -> None:
        await self.session.end()
        await self._listening


async def opened(stage: Stage, client: RelayClient) -> Seat:
    """A session; the list with a new technician may be on its way still."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return Seat(await stage.open(client, *WANTED))
        except Refused as error:
            assert error.reason is RefusalReason.NOT_ON_LIST and time.monotonic() < end, error
            await asyncio.sleep(0.2)


async def named(client: RelayClient, *expected: tuple[str, int]) -> None:
    """Until these are the colleagues who are there; the list with a new technician may be on its way still."""
    end = time.monotonic() + PATIENCE
    while (there := [(one.name, one.tier) for one in await colleagues_online(client)]) != list(expected):
        assert time.monotonic() < end, there
        await asyncio.sleep(0.2)


async def listed(client: RelayClient, *expected: tuple[bool, int]) -> Sequence[DeviceRow]:
    """Until the relay lists the devices as waiting for a technician (of that tier) or not."""
    end = time.monotonic() + PATIENCE
    while True:
        rows = await client.devices()
        if [(row.waiting, row.waiting_tier) for row in rows] == list(expected):
            return rows
        assert time.monotonic() < end, rows
        await asyncio.sleep(0.2)


def pointer(display: VirtualDisplay) -> tuple[int, int]:
    """Where the pointer of the display is."""
    found = re.match(r"x:(\d+) y:(\d+)", display.run("xdotool", "getmouselocation"))
    assert found is not None
    return int(found[1]), int(found[2])


async def test_a_colleague_who_is_called_by_name_is_told_and_declines(place: tuple[Stage, VirtualDisplay]) -> None:
    stage, _ = place
    eva = await asyncio.to_thread(stage.join, "Eva Ruiz", 3)
    async with stage.person(*WANTED) as person, stage.technician() as anas, stage.technician(eva) as evas:
        ana = await opened(stage, anas)
        await named(anas, ("Eva Ruiz", 3))
        ana.session.send(Invite(ana.session.next_request(), 3, NOTE, evas.peer))
        await ana.hears(ColleaguesState, lambda said: said.state == "called")
        questions = len(person.questions)
        # Eva's program is given a hint by the relay, and asks the device itself.
        (row,) = await evas.devices()
        assert (row.waiting_tier, row.waiting_peer) == (3, evas.peer)
        call = await who_calls(evas, row.id)
        assert call is not None and (call.label, call.said.name, call.said.note) == (row.label, "Ana Ruiz", NOTE)
        assert (await ana.hears(ColleaguesState, lambda said: said.state == "told")).text == "Eva Ruiz"
        assert await who_calls(anas, row.id) is None  # Ana is not meant
        await decline(evas, row.id, "in a meeting until three")
        said = await ana.hears(ColleaguesState, lambda said: said.state == "declined")
        assert said.text == "Eva Ruiz declined: in a meeting until three"
        (row,) = await evas.devices()
        assert (row.waiting, row.waiting_peer) == (False, "")
        assert await who_calls(evas, row.id) is None
        with pytest.raises(Refused):
            await decline(evas, row.id, "")
        assert len(person.questions) == questions, "the person is not asked for any of it"
        carried = stage.relay.everything()
        assert evas.peer.encode() in carried
        assert NOTE.encode() not in carried and b"in a meeting" not in carried
        await ana.leave()


async def test_two_watch_one_calls_the_other_and_hands_over(place: tuple[Stage, VirtualDisplay]) -> None:
    stage, display = place
    cy = await asyncio.to_thread(stage.join, "Cy Ruiz", 1)
    ben = await asyncio.to_thread(stage.join, "Ben Ruiz", 2)
    async with (
        stage.person(*WANTED) as person,
        stage.technician() as anas,
        stage.technician(ben) as bens,
        stage.technician(cy) as cys,
    ):
        ana = await opened(stage, anas)
        # Who is logged in is known by the name that the organisation has signed.
        await named(anas, ("Ben Ruiz", 2), ("Cy Ruiz", 1))
        # Ana calls a specialist: the person is asked, the relay shows a tier, and nobody but the person has read the note.
        ana.session.send(Invite(ana.session.next_request(), 2, NOTE))
        await ana.hears(ColleaguesState, lambda said: said.state == "called")
        asked = [one for one in person.of(ConsentAsked) if one.ask.kind == "confirm"][-1]
        assert asked.ask.title == "Ana Ruiz asks a specialist (tier 2) to join. Let them be called?"
        assert NOTE in asked.ask.details
        rows = await listed(bens, (True, 2))
        assert NOTE not in rows[0].waiting_text and "Ana" not in rows[0].waiting_text
        # Somebody of a lower tier may come, and is told why they have no note.
        low = await opened(stage, cys)
        assert not (await low.hears(InviteNotes)).enough
        await low.leave()
        # Ben comes, is let in by the person, and has the note.
        second = await opened(stage, bens)
        notes = await second.hears(InviteNotes)
        assert (notes.name, notes.note, notes.enough) == ("Ana Ruiz", NOTE, True)
        assert (await ana.hears(ColleaguesState, lambda said: said.state == "came")).text == "Ben Ruiz"
        people = await second.hears(People)
        assert [(one.name, CONTROL in one.granted, one.you) for one in people.people] == [
            ("Ana Ruiz", True, False),
            ("Ben Ruiz", False, True),
        ]
        status = await person.status()
        assert sorted(one.name for one in status.sessions) == ["Ana Ruiz", "Ben Ruiz"]
        # Both see the same desktop; one has the mouse.
        for seat in (ana, second):
            seat.session.send(ScreenStart([]))
            await seat.hears(ScreenUpdate)
        ana.session.send(PointerMove(100, 120))
        await eventually_async(lambda: pointer(display) == (100, 120), "Ana moves the pointer")
        second.session.send(PointerMove(300, 300))
        refused = await second.hears(Refusal, lambda said: said.refused == "input.pointer_move")
        assert refused.reason is RefusalReason.NOT_GRANTED
        assert pointer(display) == (100, 120)
        # Chat is among all three.
        ana.session.send(ChatMessage("over to Ben"))
        assert (await second.hears(ChatMessage)).name == "Ana Ruiz"
        await eventually_async(lambda: [one for one in person.of(ChatHeard) if one.text == "over to Ben"], "the person reads it")
        # Ana hands over; the person agrees.
        ben_number = next(one.number for one in people.people if one.you)
        ana.session.send(HandOver(ana.session.next_request(), ben_number))
        await second.hears(ColleaguesState, lambda said: said.state == "handed_over")
        asked = [one for one in person.of(ConsentAsked) if one.ask.kind == "confirm"][-1]
        assert asked.ask.title == "Ben Ruiz takes over mouse and keyboard from Ana Ruiz?"
        await eventually_async(lambda: CONTROL in second.session.granted and CONTROL not in ana.session.granted, "it is Ben's")
        second.session.send(PointerMove(310, 320))
        await eventually_async(lambda: pointer(display) == (310, 320), "Ben moves the pointer")
        ana.session.send(PointerMove(10, 10))
        await ana.hears(Refusal, lambda said: said.refused == "input.pointer_move")
        assert pointer(display) == (310, 320)
        # Nothing of it went by the relay in the clear: it has the plaintext of both links and of all that tunnels carry.
        carried = stage.relay.everything()
        assert b"help.request" in carried
        assert NOTE.encode() not in carried and b"over to Ben" not in carried
        # The network cuts Ben off: he stays in the list, with the time since when, until he is back.
        stage.relay.cut_newest_tunnel()
        away = await ana.hears(People, lambda said: any(one.lost_at > 0 for one in said.people))
        assert [(one.name, one.lost_at > 0) for one in away.people] == [("Ana Ruiz", False), ("Ben Ruiz", True)]
        ana.heard.clear()
        second = Seat(await resume(bens, second.session))
        back = await ana.hears(People, lambda said: len(said.people) == 2 and not any(one.lost_at for one in said.people))
        assert {one.number for one in back.people} == {one.number for one in away.people}
        await second.leave()
        await ana.hears(People, lambda said: len(said.people) == 1 and not said.called)
        await ana.leave()
        await listed(bens, (False, 0))
