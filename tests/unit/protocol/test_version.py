"""The version and its history."""

from protocol import version


def test_the_newest_protocol_has_a_line_in_the_history() -> None:
    assert version.__doc__ is not None
    assert f"\n    {version.PROTOCOL}  20" in version.__doc__
    assert version.OLDEST_PROTOCOL <= version.PROTOCOL
