"""Errors and exit codes."""

import pytest

from agent.errors import AlreadyRunning, AuditUnavailable, LocalRefused, NotEnrolled, NotRunning, exit_code_of
from hostio.errors import RelayUnreachable, UnreadableFile
from hostio.exit_codes import ExitCode
from protocol.errors import HandrailError, RefusalReason, Refused, TrustError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotEnrolled("x"), ExitCode.NOT_SET_UP),
        (NotRunning("x"), ExitCode.NOT_FOUND),
        (UnreadableFile("x"), ExitCode.USAGE),
        (RelayUnreachable("x"), ExitCode.RELAY),
        (LocalRefused("x"), ExitCode.REFUSED),
        (Refused("x", reason=RefusalReason.POLICY), ExitCode.REFUSED),
        (TrustError("x"), ExitCode.TRUST),
        (AlreadyRunning("x"), ExitCode.FAILED),
        (AuditUnavailable("x"), ExitCode.FAILED),
        (HandrailError("x"), ExitCode.FAILED),
    ],
)
def test_every_error_has_its_code(error: HandrailError, code: ExitCode) -> None:
    assert exit_code_of(error) is code
