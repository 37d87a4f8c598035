"""What the organisation's commands share: passphrases from a file or a person, never from nowhere."""

import io
from pathlib import Path
from unittest import mock

import pytest

from hostio.private_files import PrivateFileError, write_private
from technician_client.cli.app import App
from technician_client.cli.org_common import ask_passphrase, open_spool, organisation_home, prompter, tell_missing
from technician_client.cli.output import Output
from technician_client.errors import NotSetUp
from tests.kit.founded import Founded


def app(tmp_path: Path) -> App:
    return App(tmp_path, Output(stdout=io.StringIO(), stderr=io.StringIO(), colour=False))


def test_a_passphrase_comes_from_the_file_or_from_a_person(tmp_path: Path) -> None:
    this = app(tmp_path)
    with mock.patch("sys.stdin.isatty", return_value=False), pytest.raises(NotSetUp, match="--passphrase-file"):
        ask_passphrase(this, "Passphrase")
    with (
        mock.patch("sys.stdin.isatty", return_value=True),
        mock.patch("click.prompt", return_value="typed words") as prompt,
    ):
        assert ask_passphrase(this, "Passphrase", new=True) == b"typed words"
        assert prompt.call_args.kwargs["hide_input"] and prompt.call_args.kwargs["confirmation_prompt"]
        ask = prompter()
        assert ask is not None and ask("Passphrase") == "typed words"
    with mock.patch("sys.stdin.isatty", return_value=False):
        assert prompter() is None
    write_private(tmp_path / "pass", b"from the file\n")
    this.passphrase_file = tmp_path / "pass"
    assert ask_passphrase(this, "Passphrase") == b"from the file"
    (tmp_path / "pass").chmod(0o644)
    with pytest.raises(PrivateFileError, match="chmod 600"):
        ask_passphrase(this, "Passphrase")


def test_the_organisation_lies_in_the_home(tmp_path: Path) -> None:
    this = app(tmp_path)
    home = organisation_home(this)
    assert home.base == tmp_path / "organisation"
    with pytest.raises(NotSetUp):
        open_spool(home)
    Founded(tmp_path)
    assert "policy" in open_spool(home).roles()


def test_a_missing_signature_is_told_with_the_command_that_gives_it(tmp_path: Path) -> None:
    this = app(tmp_path)
    tell_missing(this, "scripts", 1)
    tell_missing(this, "scripts", 0)
    said = this.output.err.file.getvalue()  # type: ignore[attr-defined]
    assert "org countersign scripts" in said and "handrail signer" in said
