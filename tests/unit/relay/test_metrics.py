"""Every refusal and every loss has a name on /metrics."""

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
