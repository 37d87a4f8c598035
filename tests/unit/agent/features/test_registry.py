"""Every feature is in the list once, and no message belongs to two."""

from agent.features.registry import FEATURES
from agent.hosting import supported
from protocol.capabilities import Capability
from protocol.messages import REGISTRY, Sender


def test_no_message_belongs_to_two_features() -> None:
    handled = [kind for feature in FEATURES for kind in feature.handles]
    assert len(handled) == len(set(handled))


def test_every_message_of_a_technician_has_a_feature() -> None:
    """Session messages are the machine's own; everything else must lead somewhere."""
    handled = {kind for feature in FEATURES for kind in feature.handles}
    for tag, rule in REGISTRY.items():
        if not tag.startswith("session.") and rule.sender is not Sender.AGENT:
            assert rule.kind in handled, tag


def test_what_this_agent_can_do() -> None:
    assert supported(FEATURES) == set(Capability)
