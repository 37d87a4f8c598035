"""The error tree is what its docstring says."""

from protocol.errors import HandrailError, Unavailable
from technician_client import errors


def test_every_error_is_documented_and_has_the_one_base() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__]
    assert len(kinds) == 5
    for kind in kinds:
        assert issubclass(kind, HandrailError)
        assert kind.__doc__
        assert kind.__name__ in (errors.__doc__ or "")
    assert issubclass(errors.DeviceOffline, Unavailable)


def test_errors_carry_what_their_reader_needs() -> None:
    assert errors.Ambiguous("which?", candidates=["a", "b"]).candidates == ("a", "b")
    lost = errors.SessionLost("gone", reason="cut", clean=False)
    assert (lost.reason, lost.clean, str(lost)) == ("cut", False, "gone")
