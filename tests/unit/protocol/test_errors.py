"""The tree of errors is what its docstring says."""

import inspect

import pytest

from protocol import errors
from protocol.errors import ChannelClosed, HandrailError, RefusalReason, Refused, Unavailable

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_stands_in_the_tree(kind: type[Exception]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__
    assert issubclass(kind, HandrailError)


def test_errors_carry_what_a_caller_decides_by() -> None:
    assert ChannelClosed("cut", clean=False).clean is False
    assert Refused("no", reason=RefusalReason.POLICY).reason is RefusalReason.POLICY
    assert Unavailable("later", retry_after=3).retry_after == 3
