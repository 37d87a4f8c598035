"""What the soak computes: growth from the last two thirds, how well it is known, and what counts as flat."""

import math
import os

import numpy as np
import pytest

from tests.bench.soak import Growth, Sample, Verdict, growth, resident, verdict

MINUTES = [float(minute) for minute in range(60)]


def swinging(a_minute: float, swing: float, lasting: int = 5, seed: int = 1) -> list[float]:
    """Megabytes that grow, and stand for some minutes up to `swing` above or below their line."""
    swings = np.repeat(np.random.default_rng(seed).uniform(-swing, swing, 60 // lasting), lasting)
    return [150.0 + a_minute * minute + float(swings[int(minute)]) for minute in MINUTES]


def test_what_is_taken_once_and_kept_is_no_growth() -> None:
    assert growth(MINUTES, [100.0 + min(minute, 15) * 10 for minute in MINUTES]) == Growth(0.0, 0.0, 0.0)
    found = growth(MINUTES, [100.0 + minute for minute in MINUTES])
    assert (found.slope, found.low, found.high) == pytest.approx((60.0, 60.0, 60.0))


def test_of_a_few_samples_nothing_is_known() -> None:
    assert growth([0.0], [5.0]) == growth(MINUTES[:7], MINUTES[:7]) == Growth(0.0, -math.inf, math.inf)
    assert verdict([{"minute": minute, "agent": 100.0} for minute in MINUTES[:7]])["agent"]["verdict"] == "undecided"


@pytest.mark.parametrize("seed", range(5))
def test_swings_make_a_slope_uncertain_and_the_interval_holds_the_true_one(seed: int) -> None:
    quiet, wild = growth(MINUTES, swinging(0.5, 1.0, seed=seed)), growth(MINUTES, swinging(0.5, 20.0, seed=seed))
    assert wild.high - wild.low > 5 * (quiet.high - quiet.low) > 0
    assert wild.low < 30.0 < wild.high
    assert quiet.low - 2.0 < 30.0 < quiet.high + 2.0


@pytest.mark.parametrize(
    ("growing", "word"),
    [
        (Growth(2.0, -1.0, 9.0), Verdict.FLAT),
        (Growth(2.0, -30.0, 34.0), Verdict.UNDECIDED),
        (Growth(20.0, 9.0, 30.0), Verdict.UNDECIDED),
        (Growth(20.0, 12.0, 30.0), Verdict.GROWS),
    ],
)
def test_only_what_is_surely_allowed_is_flat(growing: Growth, word: Verdict) -> None:
    assert growing.verdict(10.0) is word


@pytest.mark.parametrize(
    ("a_minute", "swing", "word"),
    [
        (0.0, 0.5, "flat"),
        (0.15, 0.5, "flat"),
        (-1.0, 0.5, "flat"),
        (0.5, 0.5, "grows"),
        (0.0, 40.0, "undecided"),
        (4.0, 20.0, "grows"),
    ],
)
def test_the_verdict_allows_what_an_allocator_needs_and_no_swing_hides_a_leak(a_minute: float, swing: float, word: str) -> None:
    sizes = swinging(a_minute, swing)
    samples: list[Sample] = [{"minute": minute, "agent": size, "tab": 300.0} for minute, size in zip(MINUTES, sizes, strict=True)]
    found = verdict(samples)
    assert found["agent"]["verdict"] == word
    assert found["tab"] == {"first_mb": 300.0, "last_mb": 300.0, "mb_an_hour": 0.0, "low": 0.0, "high": 0.0, "verdict": "flat"}


def test_a_process_has_a_size_until_it_is_gone() -> None:
    assert resident(os.getpid()) > 5
    assert resident(2**22) == 0.0
