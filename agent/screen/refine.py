"""When what was sent lossy becomes exact: as soon as its area stands still."""

import numpy as np
from numpy.typing import NDArray

from agent.screen.frames import Cells, marked

SETTLE = 0.12
"""Seconds without a change before a cell counts as standing still: four pictures of a film at 30 a second."""


def settled_cells(lossy: Cells, changed_at: NDArray[np.float64], now: float) -> Cells:
    """The lossy cells that have not changed for `SETTLE` seconds."""
    found: Cells = lossy & (changed_at <= now - SETTLE)
    return found


def next_refinement(lossy: Cells, changed_at: NDArray[np.float64], now: float) -> float | None:
    """Seconds until the next lossy cell can have settled, None when all is exact."""
    if not marked(lossy):
        return None
    return max(0.0, float(changed_at[lossy].min()) + SETTLE - now)
