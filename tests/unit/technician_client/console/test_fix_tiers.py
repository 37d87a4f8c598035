"""Which fixes take the passphrase again."""

import msgspec

from protocol.messages.fixes import FixCatalogue
from technician_client.console.fix_tiers import FixTiers
from tests.kit.console import sample_fixes


def test_a_fix_is_for_the_tier_that_was_listed_last_and_an_unlisted_one_for_the_highest() -> None:
    tiers = FixTiers()
    free, restart, *_ = sample_fixes()
    assert tiers.of(free.id) == 3
    tiers.hear(FixCatalogue(1, [free, restart]))
    assert (tiers.of(free.id), tiers.of(restart.id), tiers.of("reset_network")) == (free.min_tier, restart.min_tier, 3)
    tiers.hear(FixCatalogue(2, [msgspec.structs.replace(free, min_tier=3)]))
    assert (tiers.of(free.id), tiers.of(restart.id)) == (3, 3)
