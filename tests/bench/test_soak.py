"""What the soak computes: growth from the last two thirds, and what counts as flat."""

import os

import pytest

from tests.bench.soak import Sample, growth, resident, verdict


def test_what_is_taken_once_and_kept_is_no_growth() -> None:
    minutes = [float(minute) for minute in range(60)]
    assert growth(minutes, [100.0 + min(minute, 15) * 10 for minute in minutes]) == pytest.approx(0.0, abs=1e-6)
    assert growth(minutes, [100.0 + minute for minute in minutes]) == pytest.approx(60.0)
    assert growth([0.0], [5.0]) == 0.0


@pytest.mark.parametrize(("a_minute", "flat"), [(0.0, True), (0.2, True), (-1.0, True), (0.5, False)])
def test_the_verdict_allows_what_an_allocator_needs(a_minute: float, flat: bool) -> None:
    samples: list[Sample] = [{"minute": float(minute), "agent": 100.0 + a_minute * minute, "tab": 300.0} for minute in range(30)]
    found = verdict(samples)
    assert found["agent"]["flat"] is flat
    assert found["agent"]["mb_an_hour"] == pytest.approx(60 * a_minute)
    assert found["tab"] == {"first_mb": 300.0, "last_mb": 300.0, "mb_an_hour": pytest.approx(0.0, abs=0.01), "flat": True}


def test_a_process_has_a_size_until_it_is_gone() -> None:
    assert resident(os.getpid()) > 5
    assert resident(2**22) == 0.0
