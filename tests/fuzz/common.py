"""What the targets share: one organisation, one moment, and a way to say which errors are documented."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache

from protocol.errors import HandrailError
from tests.kit.organisation import Organisation

WALL = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@cache
def organisation() -> Organisation:
    """One organisation for every target; made when first needed."""
    return Organisation("Ours", wall=WALL)


@contextmanager
def only(*kinds: type[HandrailError]) -> Iterator[None]:
    """Nothing but these may come out."""
    with suppress(*kinds):
        yield
