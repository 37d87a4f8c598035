"""Credit, half closes and the end of one forwarded connection; and which targets are allowed."""

import pytest

from protocol.errors import LimitExceeded, RemoteProtocolError
from protocol.forwarding import CREDIT_STEP, Flow, may_reach
from protocol.messages.forward import PIECE_BYTES, WINDOW_BYTES, ForwardCredit, ForwardData, ForwardEnd
from protocol.relay_address import is_loopback


def test_no_more_is_sent_than_there_is_credit_for() -> None:
    flow = Flow(1)
    flow.read(b"x" * (WINDOW_BYTES + 10))
    said = flow.to_say()
    assert sum(len(one.data) for one in said if isinstance(one, ForwardData)) == WINDOW_BYTES == flow.sent
    assert max(len(one.data) for one in said if isinstance(one, ForwardData)) == PIECE_BYTES
    assert not flow.wants_more
    assert not flow.to_say()
    flow.hear(ForwardCredit(1, 10))
    assert flow.to_say() == [ForwardData(1, b"x" * 10)]
    assert flow.wants_more


def test_each_direction_ends_by_itself_after_its_last_byte() -> None:
    flow = Flow(1)
    flow.read(b"last")
    flow.read(b"")
    assert flow.to_say() == [ForwardData(1, b"last"), ForwardEnd(1)]
    assert flow.ended_here
    assert not flow.over
    flow.hear(ForwardData(1, b"answer"))
    flow.hear(ForwardEnd(1))
    assert not flow.ended_there
    assert flow.incoming.popleft() == b"answer"
    flow.wrote(6)
    assert flow.over
    assert not flow.to_say()


def test_credit_is_given_back_once_it_is_worth_a_message() -> None:
    flow = Flow(1)
    for _ in range(4):
        flow.hear(ForwardData(1, b"x" * PIECE_BYTES))
    assert [flow.wrote(PIECE_BYTES) for _ in range(4)] == [None, None, None, ForwardCredit(1, CREDIT_STEP)]


def test_who_breaks_the_rules_is_found_out() -> None:
    flow = Flow(1)
    with pytest.raises(LimitExceeded):
        flow.hear(ForwardCredit(1, 1))
    for _ in range(WINDOW_BYTES // PIECE_BYTES):
        flow.hear(ForwardData(1, b"x" * PIECE_BYTES))
    with pytest.raises(LimitExceeded):
        flow.hear(ForwardData(1, b"x"))
    ended = Flow(2)
    ended.hear(ForwardEnd(2))
    for late in (ForwardData(2, b"x"), ForwardEnd(2)):
        with pytest.raises(RemoteProtocolError):
            ended.hear(late)


def test_the_computer_itself_is_always_allowed_and_others_by_pattern() -> None:
    for host in ("127.0.0.1", "127.9.8.7", "localhost", "LocalHost", "::1", "[::1]"):
        assert is_loopback(host)
        assert may_reach(host, 22, [])
    for host in ("10.0.0.7", "db.example", "127.0.0.1.example", "0.0.0.0", "localhost.example", "2130706433"):
        assert not may_reach(host, 22, [])
    assert may_reach("DB.example", 5432, ["db.example:5432"])
    assert not may_reach("db.example", 22, ["db.example:5432"])
    assert may_reach("10.0.0.7", 443, ["10.0.0.*:443"])
    assert not may_reach("10.0.1.7", 443, ["10.0.0.*:443"])
    assert may_reach("fd00::7", 443, ["fd00::*:443"])
    assert may_reach("anything.example", 443, ["*:443"])


def test_a_name_that_begins_like_an_address_is_no_address() -> None:
    """Its owner decides where it leads."""
    for host in ("10.0.0.7.evil.example", "10.0.0.evil.example", "10.0.0.0x7f", "10.0.0.7.", "10.0.0.07"):
        assert not may_reach(host, 22, ["10.0.0.*:22"]), host
        assert not may_reach(host, 22, ["10.0.[0-9].*:22", "10.?.0.*:*"]), host
    assert may_reach("10.0.0.7", 22, ["10.0.[0-9].*:22"])
    assert may_reach("shop7.example", 22, ["shop*.example:22"])
