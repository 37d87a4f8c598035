"""What the `org`, `signer`, `quickstart` and `join` commands share: the organisation's home, passphrases, and telling what is
missing."""

import sys
from collections.abc import Callable

import click

from hostio.private_files import read_passphrase
from technician_client.cli.app import App
from technician_client.errors import NotSetUp
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool


def organisation_home(app: App) -> OrganisationHome:
    """Where the organisation lies."""
    return OrganisationHome(app.settings().organisation_directory, app.vault)


def open_spool(home: OrganisationHome) -> Spool:
    """The spool of an organisation that exists.

    Raises:
        NotSetUp: there is none.
    """
    home.load()
    return Spool(home.spool, Repository(home.repository))


def ask_passphrase(app: App, words: str, *, new: bool = False) -> bytes:
    """A passphrase from `--passphrase-file`, else typed. `new`: typed twice.

    Raises:
        NotSetUp: nobody can be asked here.
        PrivateFileError: the file is missing or readable by others.
    """
    if app.passphrase_file is not None:
        return read_passphrase(app.passphrase_file)
    if not sys.stdin.isatty():
        raise NotSetUp("A passphrase is needed and nobody can be asked here. Give it with --passphrase-file FILE (mode 0600).")
    typed: str = click.prompt(words, hide_input=True, confirmation_prompt=new, err=True)
    return typed.encode()


def prompter() -> Callable[[str], str] | None:
    """Asks for a passphrase on the terminal; None where there is no terminal."""
    if not sys.stdin.isatty():
        return None

    def ask(words: str) -> str:
        typed: str = click.prompt(words, hide_input=True, err=True)
        return typed

    return ask


def done(app: App, text: str, document: dict[str, object]) -> None:
    """Say what was done: a sentence, or a document."""
    if app.output.as_json:
        app.output.json(document)
    app.output.text(text)


def tell_missing(app: App, role: str, missing: int) -> None:
    """Say whether a decision is on its way or waits for more signatures."""
    if missing:
        app.output.warning(
            f"{missing} more signature(s) are needed. Another key holder runs: handrail org countersign {role} --key NAME"
        )
    else:
        app.output.progress("Signed. `handrail signer` publishes it within seconds (start it if it is not running).")
