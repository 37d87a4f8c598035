"""The default table of capabilities."""

import pytest

from protocol.capabilities import DAY, RULES, Capability, Tier


@pytest.mark.parametrize("capability", list(Capability))
def test_every_capability_has_a_rule_that_fits(capability: Capability) -> None:
    rule = RULES[capability]
    assert Tier(rule.attended_tier) <= Tier(rule.unattended_tier)
    assert DAY <= rule.freshness <= 14 * DAY
    assert rule.plain_words[0].islower()


def test_what_harms_most_needs_most() -> None:
    terminals, files = (Capability.TERMINAL, Capability.TERMINAL_ROOT), (Capability.FILES_IN, Capability.FILES_OUT)
    for capability in (*terminals, *files, Capability.FORWARD):
        assert RULES[capability].attended_tier == Tier.THIRD
        assert RULES[capability].freshness == DAY
        assert not RULES[capability].guest
    assert {name for name, rule in RULES.items() if rule.guest} == {"view", "chat", "diagnostics", "pointer", "control"}
