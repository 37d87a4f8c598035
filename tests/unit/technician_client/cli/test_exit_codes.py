"""One table of exit codes."""

import pytest

from hostio.errors import RelayUnreachable
from hostio.exit_codes import ExitCode
from protocol.errors import HandrailError, ProtocolError, RefusalReason, Refused, TrustError, Unavailable
from protocol.relay_address import RelayAddressError
from technician_client.cli.exit_codes import MEANINGS, exit_code_of
from technician_client.errors import Ambiguous, DeviceOffline, NotFound, NotSetUp, SessionLost
from technician_client.operations import ParameterError
from technician_client.settings import SettingsError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotSetUp(""), 3),
        (RelayUnreachable(""), 4),
        (Refused("", reason=RefusalReason.POLICY), 5),
        (NotFound(""), 6),
        (DeviceOffline(""), 6),
        (TrustError(""), 7),
        (Ambiguous("", candidates=[]), 2),
        (SettingsError(""), 2),
        (RelayAddressError(""), 2),
        (ParameterError(""), 2),
        (Unavailable(""), 1),
        (SessionLost("", reason="cut", clean=False), 1),
        (ProtocolError(""), 1),
        (HandrailError(""), 1),
    ],
)
def test_each_error_has_its_code(error: HandrailError, code: int) -> None:
    assert exit_code_of(error) == code


def test_every_code_is_explained_once() -> None:
    assert set(MEANINGS) == set(ExitCode)
    assert {int(code) for code in ExitCode} == {0, 1, 2, 3, 4, 5, 6, 7, 8, 130}
