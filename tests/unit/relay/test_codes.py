"""Codes: rendezvous, once, within ten minutes, and not by guessing."""

import random

import pytest

from protocol.errors import RefusalReason, Refused
from protocol.limits import LIMITS
from relay.codes import Code, CodeBook, CodeLocked
from tests.unit.relay.conftest import ORG, OTHER


def book() -> CodeBook:
    return CodeBook(random.Random(1).randbytes)


def issue(codes: CodeBook, device: str = "dev", *, organisation: str = ORG, request: int = 1, now: float = 0.0) -> Code:
    return codes.issue(organisation, device, request, "the printer", now=now, wall=1000.0 + now)


def guess(codes: CodeBook, technician: str, now: float, digits: str = "000000001") -> RefusalReason:
    with pytest.raises(Refused) as caught:
        codes.look(ORG, technician, digits, now)
    return caught.value.reason


def test_a_code_has_nine_digits_and_leads_to_its_device_until_it_is_consumed() -> None:
    codes = book()
    code = issue(codes)
    assert len(code.code) == 9
    assert code.code.isdigit()
    assert codes.look(ORG, "tech", code.code, 1.0) is code
    assert codes.look(ORG, "tech", code.code, 2.0) is code
    codes.consume(code)
    assert guess(codes, "tech", 3.0, code.code) is RefusalReason.NOT_FOUND


def test_a_code_means_nothing_in_another_organisation() -> None:
    codes = book()
    code = issue(codes, organisation=OTHER)
    assert guess(codes, "tech", 1.0, code.code) is RefusalReason.NOT_FOUND


def test_a_code_lives_ten_minutes() -> None:
    codes = book()
    code = issue(codes)
    assert codes.look(ORG, "t", code.code, LIMITS.code_seconds - 1) is code
    assert codes.waiting(ORG, "dev", LIMITS.code_seconds - 1) is code
    assert guess(codes, "t", LIMITS.code_seconds, code.code) is RefusalReason.NOT_FOUND
    assert codes.waiting(ORG, "dev", LIMITS.code_seconds) is None
    assert codes.expire(LIMITS.code_seconds) == [code]
    assert codes.expire(LIMITS.code_seconds) == []


def test_a_new_code_of_a_device_voids_its_old_one() -> None:
    codes = book()
    old, new = issue(codes, request=1), issue(codes, request=2)
    assert guess(codes, "t", 1.0, old.code) is RefusalReason.NOT_FOUND
    assert codes.waiting(ORG, "dev", 1.0) is new


def test_only_the_request_that_stands_can_be_cancelled() -> None:
    codes = book()
    code = issue(codes, request=2)
    assert not codes.cancel(ORG, "dev", 1)
    assert not codes.cancel(OTHER, "dev", 2)
    assert codes.cancel(ORG, "dev", 2)
    assert guess(codes, "t", 1.0, code.code) is RefusalReason.NOT_FOUND


def test_five_wrong_codes_lock_a_technician_and_nobody_else() -> None:
    codes = book()
    code = issue(codes)
    for now in range(5):
        assert guess(codes, "bad", float(now)) is RefusalReason.NOT_FOUND
    with pytest.raises(CodeLocked) as caught:
        codes.look(ORG, "bad", code.code, 10.0)
    assert not caught.value.organisation
    assert codes.look(ORG, "good", code.code, 10.0) is code
    assert guess(codes, "bad", LIMITS.code_window_seconds - 1) is RefusalReason.LOCKED
    # Trying while locked does not prolong the lock.
    assert guess(codes, "bad", LIMITS.code_window_seconds + 0.5) is RefusalReason.NOT_FOUND


def test_fifty_wrong_codes_lock_the_organisation_and_no_other() -> None:
    codes = book()
    code, theirs = issue(codes), issue(codes, organisation=OTHER)
    for number in range(50):
        assert guess(codes, f"bad{number // 5}", 1.0) is RefusalReason.NOT_FOUND
    with pytest.raises(CodeLocked) as caught:
        codes.look(ORG, "good", code.code, 2.0)
    assert caught.value.organisation
    assert codes.locked_organisations(2.0) == 1
    assert codes.look(OTHER, "good", theirs.code, 2.0) is theirs
    assert codes.locked_organisations(1.0 + LIMITS.code_window_seconds) == 0


def test_codes_are_drawn_evenly_and_never_twice() -> None:
    """Four bytes above the largest fair multiple are drawn again; so is a code that stands."""
    numbers = [0xFFFFFFFF, 123_456_789, 123_456_789, 987_654_321]
    codes = CodeBook(lambda count: numbers.pop(0).to_bytes(count))
    assert issue(codes, "a").code == "123456789"
    assert issue(codes, "b").code == "987654321"
    assert numbers == []


def test_the_code_of_one_who_left_for_good_is_void() -> None:
    codes = book()
    code = issue(codes)
    codes.leave(ORG, "somebody else")
    assert codes.look(ORG, "tech", code.code, 1.0) is code
    codes.leave(ORG, "dev")
    assert guess(codes, "tech", 2.0, code.code) is RefusalReason.NOT_FOUND


def test_a_code_keeps_whom_the_device_means() -> None:
    codes = book()
    code = codes.issue(ORG, "dev1", 1, "", now=0.0, wall=0.0, tier=2, peer="t7")
    assert (code.tier, code.peer) == (2, "t7")
    again = codes.issue(ORG, "dev1", 2, "", now=0.0, wall=0.0)
    assert (again.tier, again.peer) == (0, "")
