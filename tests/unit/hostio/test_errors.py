"""The error tree is what its docstring says."""

import errno
import ssl

import pytest

from hostio import errors
from protocol.errors import HandrailError, Unavailable


def test_every_error_is_documented_and_has_the_one_base() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__]
    assert len(kinds) == 3
    for kind in kinds:
        assert issubclass(kind, HandrailError)
        assert kind.__doc__
        assert kind.__name__ in (errors.__doc__ or "")


def test_a_relay_that_does_not_answer_may_answer_later() -> None:
    assert issubclass(errors.RelayUnreachable, Unavailable)
    assert errors.RelayUnreachable("busy", retry_after=60.0).retry_after == 60.0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), "no answer in time"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Connection refused"),
        (OSError("several attempts failed"), "several attempts failed"),
        (ssl.SSLError(1, "wrong version number"), "wrong version number"),
        (EOFError(), "EOFError"),
    ],
)
def test_the_cause_of_a_failed_connection_is_words(error: Exception, words: str) -> None:
    assert errors.in_words(error) == words
