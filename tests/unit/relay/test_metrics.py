"""Every refusal and every loss has a name on /metrics."""

import re
from pathlib import Path

import relay
from relay.metrics import Loss, Metrics, Refusal


def test_every_name_stands_there_from_the_start() -> None:
    text = Metrics().exposition().decode()
    for refusal in Refusal:
        assert f'handrail_relay_refusals_total{{reason="{refusal.value}"}} 0.0' in text
    for loss in Loss:
        assert f'handrail_relay_losses_total{{reason="{loss.value}"}} 0.0' in text


def test_counting() -> None:
    metrics, other = Metrics(), Metrics()
    metrics.refuse(Refusal.ORIGIN)
    metrics.lose(Loss.CODE_EXPIRED, 3)
    assert metrics.refused(Refusal.ORIGIN) == 1
    assert metrics.lost(Loss.CODE_EXPIRED) == 3
    assert other.refused(Refusal.ORIGIN) == 0


def test_every_name_is_counted_somewhere() -> None:
    """A name that nothing counts would say that nothing was ever refused for it."""
    sources = [path.read_text() for path in Path(relay.__file__).parent.glob("**/*.py") if path.name != "metrics.py"]
    used = {found for source in sources for found in re.findall(r"\b(?:Refusal|Loss)\.[A-Z_]+", source)}
    assert used == {f"{kind.__name__}.{name.name}" for kind in (Refusal, Loss) for name in kind}


def test_every_name_is_seen_to_be_counted() -> None:
    """Of each there is a test that makes it happen and looks at its count."""
    here = Path(__file__)
    sources = [path.read_text() for path in here.parent.glob("test_*.py") if path != here]
    seen = {found for source in sources for found in re.findall(r"\b(?:Refusal|Loss)\.[A-Z_]+", source)}
    missing = {f"{kind.__name__}.{name.name}" for kind in (Refusal, Loss) for name in kind} - seen
    assert not missing
