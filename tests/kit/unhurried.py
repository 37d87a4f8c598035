"""Probes of this machine without their haste: what they find is looked at here, not whether a busy machine lets them in time."""

import pytest

from agent.diagnostics.collect import Collector
from agent.diagnostics.probes import all_probes
from tests.kit.waiting import PATIENCE


def let_probes_take_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each, and all of them together, a minute instead of the second or two that they have."""
    defaults = Collector.collect.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "seconds", PATIENCE)
    for probe in all_probes():
        monkeypatch.setattr(type(probe), "budget", PATIENCE)
