"""Names, the order of chunks, and pacing against a simulated link."""

import heapq

import pytest

from protocol.errors import LimitExceeded, Refused, RemoteProtocolError
from protocol.transfer import (
    LEAST_WINDOW,
    MOST_WINDOW,
    Arrival,
    BulkPacer,
    check_name,
    is_partial,
    numbered,
    partial_name,
    shown,
    split_path,
)


@pytest.mark.parametrize(
    "path",
    [
        b"/etc/passwd",
        b"..",
        b"a/../b",
        b"a//b",
        b"a/",
        b"./a",
        b"a/\0b",
        b"x" * 256,
        b"/".join([b"a"] * 65),
        b"/".join([b"x" * 200] * 30),
    ],
)
def test_paths_that_lead_out_are_refused(path: bytes) -> None:
    with pytest.raises(Refused):
        split_path(path)


def test_a_path_keeps_its_bytes() -> None:
    assert split_path(b"Documents/\xff odd\n") == (b"Documents", b"\xff odd\n")
    assert split_path(b"") == ()


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"a\0", b"x" * 256])
def test_what_is_no_name_is_refused(name: bytes) -> None:
    with pytest.raises(Refused):
        check_name(name)


def test_names_are_shown_inert() -> None:
    assert shown(b"\xff.txt") == "\\xff.txt"
    assert shown("a\u202egpj.exe\x1b[2J\n".encode()) == "a\\u202egpj.exe\\x1b[2J\\x0a"
    assert shown("Übersicht 你好".encode()) == "Übersicht 你好"


def test_numbers_go_before_the_ending() -> None:
    assert numbered(b"letter.odt", 2) == b"letter (2).odt"
    assert numbered(b".profile", 3) == b".profile (3)"
    assert numbered(b"x" * 255, 12) == b"x" * 250 + b" (12)"
    assert len(numbered(b"x" * 250 + b".txt", 2)) == 255


def test_unfinished_files_are_known_by_their_name() -> None:
    assert is_partial(partial_name("00ff"))
    assert not is_partial(b".handrail-notes.txt")


def test_chunks_come_in_order_and_end_where_they_should() -> None:
    arrival = Arrival(10, 4)
    arrival.take(4, 3)
    with pytest.raises(RemoteProtocolError, match="byte 7 was next"):
        arrival.take(4, 3)
    with pytest.raises(RemoteProtocolError, match="byte 7 was next"):
        arrival.take(8, 1)
    with pytest.raises(LimitExceeded, match="longer than the 10 bytes"):
        arrival.take(7, 4)
    with pytest.raises(RemoteProtocolError, match="after 7 of the 10"):
        arrival.demand_complete()
    arrival.take(7, 3)
    arrival.demand_complete()
    with pytest.raises(RemoteProtocolError, match="begins at byte 11"):
        Arrival(10, 11)


class Link:
    """A bottleneck of `rate` bytes a second with `trip` seconds there and back, and what waits in front of it."""

    def __init__(self, rate: float, trip: float) -> None:
        self.rate, self.trip = rate, trip
        self.now = self.free_at = 0.0
        self.delays: list[tuple[float, float]] = []

    def run(self, pacer: BulkPacer, seconds: float) -> float:
        """Send for so long; the bytes a second that arrived."""
        acks: list[tuple[float, int]] = []
        at = arrived = 0
        end, start = self.now + seconds, self.now
        while self.now < end:
            while room := pacer.room:
                at += room
                pacer.sent(1, at, room, self.now)
                self.free_at = max(self.free_at, self.now) + room / self.rate
                self.delays.append((self.now, self.free_at - self.now - room / self.rate))
                heapq.heappush(acks, (self.free_at + self.trip, at))
            self.now, arrived = heapq.heappop(acks)
            pacer.acked(1, arrived, self.now)
        pacer.forget(1)
        return arrived / (self.now - start)


@pytest.mark.parametrize(
    ("rate", "trip"), [(250e3, 0.1), (1.25e6, 0.04), (12.5e6, 0.02), (60e6, 0.004)], ids=["2M", "10M", "100M", "lan"]
)
def test_the_link_is_full_and_its_queue_is_not(rate: float, trip: float) -> None:
    link, pacer = Link(rate, trip), BulkPacer()
    link.run(pacer, 3)
    assert link.run(pacer, 8) > 0.85 * rate
    settled = sorted(delay for at, delay in link.delays if at > 3)
    assert settled[int(len(settled) * 0.95)] < 0.5 * trip + 0.035 + 16 * 1024 / rate


def test_a_link_that_becomes_slower_is_not_buried_and_one_that_becomes_faster_is_used() -> None:
    link, pacer = Link(2e6, 0.03), BulkPacer()
    link.run(pacer, 4)
    link.rate = 250e3
    link.run(pacer, 6)
    link.delays.clear()
    link.run(pacer, 20)
    settled = sorted(delay for _, delay in link.delays)
    assert settled[len(settled) // 2] < 0.2
    link.rate = 2e6
    link.run(pacer, 10)
    assert link.run(pacer, 5) > 1.6e6


def test_the_window_is_bounded() -> None:
    link, pacer = Link(1e9, 0.5), BulkPacer()
    assert pacer.window == LEAST_WINDOW
    link.run(pacer, 30)
    assert pacer.window <= MOST_WINDOW


def test_what_is_forgotten_takes_no_room() -> None:
    pacer = BulkPacer()
    while room := pacer.room:
        pacer.sent(1, room, room, 0.0)
    assert pacer.in_flight == LEAST_WINDOW
    pacer.forget(1)
    assert pacer.in_flight == 0
    assert pacer.room
