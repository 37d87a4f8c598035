"""What of a session can be seen without a tunnel; everything else is in tests/loopback/test_technician_session.py."""

import threading
from pathlib import Path

import pytest

from protocol.audit import Checkpoint
from protocol.capabilities import Capability
from protocol.errors import HandrailError, LocalProtocolError
from protocol.link_messages import TunnelOffer
from protocol.messages import Lane
from protocol.session import SessionState
from technician_client.link import RelayClient
from technician_client.resuming import resumable
from technician_client.sessions import Progress, Session, Stage
from technician_client.settings import Settings
from tests.kit.organisation import Organisation
from tests.kit.switchboard import keys_of


async def test_before_anything_was_said_nothing_is_known(tmp_path: Path) -> None:
    organisation = Organisation()
    keys = keys_of(organisation, organisation.technician(), "http://127.0.0.1:9")
    offer = TunnelOffer(1, "t" * 32, "abc", "Till 1", False, 60)
    session = Session(RelayClient(keys, Settings(tmp_path)), offer, device="abc", wanted=[Capability.VIEW], reason="")
    assert session.state is SessionState.HANDSHAKE
    assert (session.sas, session.session_id, session.granted, session.round_trip) == ("", "", frozenset(), None)
    assert (session.unattended, session.seconds, session.ended, session.kept) == (False, 0.0, None, None)
    assert session.pending(Lane.INPUT) == 0
    assert session.loss().reason == "cut"
    with pytest.raises(LocalProtocolError):
        _ = session.identity
    assert [session.next_request() for _ in range(3)] == [1, 2, 3]
    ended = await session.end()
    assert not ended.clean
    assert (await session.wait_ended()) == ended


async def test_what_is_kept_of_a_known_device_is_read_before_it_is_called_and_not_on_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = Organisation()
    keys = keys_of(organisation, organisation.technician(), "http://127.0.0.1:9")
    offer = TunnelOffer(1, "t" * 32, "abc", "Till 1", False, 60)
    relay = RelayClient(keys, Settings(tmp_path))
    readers: list[int] = []

    def read(_directory: Path, device: str) -> Checkpoint:
        readers.append(threading.get_ident())
        return Checkpoint(organisation.id, device, 7, b"h" * 32, 1.0)

    monkeypatch.setattr("technician_client.sessions.newest_pin", read)
    session = Session(relay, offer, device="abc", wanted=[Capability.VIEW], reason="")
    with pytest.raises(HandrailError):  # nobody listens there
        await session._start(relay)
    assert session._witness("abc") == 7
    assert len(readers) == 1 and readers[0] != threading.get_ident()
    by_code = Session(relay, offer, device=None, wanted=[Capability.VIEW], reason="")
    assert (by_code._witness("abc"), len(readers)) == (7, 2)
    for one in (session, by_code):
        await one.end()


def test_progress_says_how_far_it_is() -> None:
    assert [stage.value for stage in Stage] == ["asking", "tunnel", "connected", "consent", "open"]
    assert Progress(Stage.ASKING).sas == ""


async def test_a_guests_session_compares_no_digits_and_is_not_gone_on_with(tmp_path: Path) -> None:
    organisation = Organisation()
    keys = keys_of(organisation, organisation.technician(), "http://127.0.0.1:9")
    offer = TunnelOffer(1, "t" * 32, "abc", "Guest abc", True, 60)
    relay = RelayClient(keys, Settings(tmp_path))
    enrolled, guest = (
        Session(relay, offer, device=None, wanted=[Capability.VIEW], reason="", secret=secret) for secret in ("", "ABCDEFGH")
    )
    assert (enrolled.by_code, enrolled.guest) == (True, False)
    assert (guest.by_code, guest.guest) == (False, True)
    for session in (enrolled, guest):
        await session.end()
        assert not resumable(session)
