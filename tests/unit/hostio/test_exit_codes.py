from hostio.exit_codes import ExitCode, exit_code_table, first_fit
from protocol.errors import HandrailError, LimitExceeded, ProtocolError, RemoteProtocolError


def test_the_first_class_that_fits_counts() -> None:
    table = [(RemoteProtocolError, ExitCode.TRUST), (ProtocolError, ExitCode.USAGE)]
    assert first_fit(LimitExceeded("x"), table) is ExitCode.TRUST
    assert first_fit(ProtocolError("x"), table) is ExitCode.USAGE
    assert first_fit(HandrailError("x"), table) is ExitCode.FAILED


def test_a_table_is_columns() -> None:
    assert exit_code_table({ExitCode.OK: "done", ExitCode.INTERRUPTED: "interrupted"}) == "    0  done\n  130  interrupted"
