"""The kit's relay and session in memory, on which the console's tests stand, have the shape of the ports."""

import numpy as np

from technician_client.console.adapter import RelayAdapter, SessionAdapter
from technician_client.console.ports import RelayPort, RemoteSession, Target
from tests.kit.console import MemoryRelay, MemorySession


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_memory_and_product_have_everything_the_ports_name() -> None:
    session = MemorySession([], np.zeros((1, 1, 3), np.uint8))
    for name in public(RemoteSession):
        assert hasattr(session, name), name
        assert hasattr(SessionAdapter, name), name
    relay = MemoryRelay(session)
    for name in public(RelayPort):
        assert hasattr(relay, name), name
        assert hasattr(RelayAdapter, name), name


def test_a_target_is_empty_until_it_is_named() -> None:
    assert Target() == Target(code="", device="")
