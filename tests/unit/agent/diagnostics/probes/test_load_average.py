"""Programs that wanted to run."""

from pathlib import Path

import pytest

from agent.diagnostics.probe import Unsupported
from agent.diagnostics.probes.load_average import LoadAverage, parse_loadavg
from tests.kit.recorded import machine


def test_three_periods() -> None:
    assert parse_loadavg("0.52 0.58 0.59 1/467 12345\n") == [
        {"period": "1m", "average": 0.52},
        {"period": "5m", "average": 0.58},
        {"period": "15m", "average": 0.59},
    ]
    with pytest.raises(ValueError, match="shorter"):
        parse_loadavg("0.5")


async def test_missing(tmp_path: Path) -> None:
    with pytest.raises(Unsupported):
        await LoadAverage().rows(machine(tmp_path))
