"""The link that measurements and simulations go over is itself measured."""

import socket
import threading
import time

import pytest

from tests.kit.shaped_link import PACKET, OneWay, Ordered, Shape, ShapedLink
from tests.kit.waiting import PATIENCE

FAST = Shape(rate=4e6, delay=0.02)


def test_what_is_sent_takes_its_share_of_the_rate_and_the_delay() -> None:
    way = OneWay(Shape(rate=100_000, delay=0.05), 1)
    assert way.send(10_000, 0.0) == pytest.approx(0.15)
    assert way.send(10_000, 0.0) == pytest.approx(0.25)
    assert way.waiting(0.1) == pytest.approx(0.1)
    assert way.send(1000, 10.0) == pytest.approx(10.06)


def test_an_outage_serves_nothing_and_loses_nothing() -> None:
    way = OneWay(Shape(rate=1000, delay=0.0, outages=((1.0, 4.0),)), 1)
    assert way.send(1000, 0.5) == pytest.approx(4.5)
    way.cut(10.0, 11.0)
    assert way.send(100, 10.2) == pytest.approx(11.1)


def test_a_lost_packet_costs_a_round_trip_and_holds_up_what_follows() -> None:
    shape = Shape(rate=1e6, delay=0.05, loss=0.1)
    way = OneWay(shape, 7)
    line = Ordered(way)
    arrivals = [line.send(PACKET, index * 0.01) for index in range(2000)]
    late = [at - index * 0.01 for index, at in enumerate(arrivals)]
    assert arrivals == sorted(arrivals)
    assert min(late) == pytest.approx(0.05 + PACKET / 1e6)
    stalled = sum(seconds > 0.1 for seconds in late) / len(late)
    assert 0.3 < stalled < 0.9  # each tenth packet holds up the nine that follow within a round trip


def test_what_a_piece_would_have_taken_without_a_loss_is_known() -> None:
    way = OneWay(Shape(rate=1e6, delay=0.05, loss=0.2), 7)
    line = Ordered(way)
    stalls = [line.send(PACKET, index * 0.01) - way.unhindered for index in range(500)]
    assert min(stalls) == 0.0
    assert max(stalls) >= 0.1
    assert way.unhindered == pytest.approx(4.99 + PACKET / 1e6 + 0.05)


def test_the_same_seed_loses_the_same_packets() -> None:
    shape = Shape(rate=1e6, delay=0.05, loss=0.05)
    one, other, third = (OneWay(shape, seed) for seed in (3, 3, 4))
    sent = [[way.send(PACKET, index * 0.1) for index in range(200)] for way in (one, other, third)]
    assert sent[0] == sent[1] != sent[2]


def serve(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        while asked := connection.recv(4096):
            connection.sendall(answer if asked == b"?" else asked)


@pytest.fixture
def echo() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener, b"x" * 400_000), daemon=True).start()
    return listener


def test_the_proxy_delays_and_paces_real_connections(echo: socket.socket) -> None:
    with echo, ShapedLink(FAST, echo.getsockname()[1]) as link, socket.create_connection(("127.0.0.1", link.port)) as client:
        client.settimeout(PATIENCE)
        begun = time.monotonic()
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        assert time.monotonic() - begun > 0.04
        times: list[float] = []
        while not times or (min(times) >= 0.6 and len(times) < 40):  # a busy machine may be slow, but not each time
            begun, left = time.monotonic(), 400_000
            client.sendall(b"?")
            while left:
                left -= len(client.recv(65536))
            times.append(time.monotonic() - begun)
        assert 0.14 <= min(times) < 0.6  # 100 ms at this rate, 40 ms there and back
        assert link.carried["back"] == 5 + 400_000 * len(times)
        passages = list(link.passages["back"])
        assert all(passage.arrived == passage.unhindered > passage.entered + 0.02 for passage in passages), "nothing is lost"
        end = link.cut(0.3)
        client.sendall(b"again")
        assert client.recv(5) == b"again"
        assert time.monotonic() >= end


def test_an_end_that_leaves_is_told_to_the_other(echo: socket.socket) -> None:
    with echo, ShapedLink(FAST, echo.getsockname()[1]) as link:
        client = socket.create_connection(("127.0.0.1", link.port), timeout=5)
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(5) == b""
        client.close()
