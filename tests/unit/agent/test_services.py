"""What the daemon lends cannot be changed by a session."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from tests.kit.assisted import Assistance


async def test_a_session_cannot_swap_what_it_was_lent(tmp_path: Path) -> None:
    one = Assistance(tmp_path, ())
    with pytest.raises(FrozenInstanceError):
        one.services.audit = None  # type: ignore[assignment, misc]
    assert one.services.limits.consent_seconds == 180.0
    assert one.services.relay is None
    one.audit.close()
