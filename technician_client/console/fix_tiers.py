"""What tier each fix of a session's device is for, so that the passphrase is asked for before one that reaches far."""

from protocol.capabilities import Tier
from protocol.messages.fixes import FixCatalogue


class FixTiers:
    """The tiers as the device last listed them. The device decides by itself who may run what; this only says when the person
    here has to prove again who they are."""

    def __init__(self) -> None:
        self._tiers: dict[str, int] = {}

    def hear(self, catalogue: FixCatalogue) -> None:
        """Take in what is approved there now."""
        self._tiers = {fix.id: fix.min_tier for fix in catalogue.fixes}

    def of(self, fix: str) -> int:
        """The tier of a fix. One that was never listed may be of any, and counts as the highest."""
        return self._tiers.get(fix, int(Tier.THIRD))
