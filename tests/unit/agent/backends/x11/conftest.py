"""One virtual display for each test module here."""

import socket
from collections.abc import Iterator

import pytest

from agent.backends.x11.connection import X11Connection
from tests.kit.display import VirtualDisplay, virtual_display


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display(1366, 768) as running:
        yield running


@pytest.fixture
def connection(display: VirtualDisplay) -> Iterator[X11Connection]:
    opened = X11Connection(display.name)
    yield opened
    opened.close()


@pytest.fixture
def quiet() -> Iterator[int]:
    """A descriptor that never becomes readable, for `wait`."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours.fileno()
