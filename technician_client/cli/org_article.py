"""`handrail org article`: what people read when they ask for help, before anybody is called."""

from pathlib import Path

import click

from protocol.articles import parse_article
from protocol.errors import TrustError
from technician_client.cli.app import App, command_options, passphrase_option, reporting
from technician_client.cli.org_common import ask_passphrase, done, open_spool, organisation_home, tell_missing
from technician_client.cli.times import now
from technician_client.organisation import lists
from technician_client.organisation.foundation import role_signers
from technician_client.organisation.metadata import TufSigner
from technician_client.organisation.vault import KeyDirectory

FILE_BYTES = 64 * 1024
KEY_OPTION = click.option("--key", "key_names", multiple=True, help="Sign with this key of the vault (default: all policy keys).")


@click.group()
def article() -> None:
    """Short articles that people are offered when they ask for help. They are signed like policy.

    \b
    An article is a text file:
      # The printer does not print
      Words: printer, print, paper

      Is it switched on? ...
    """


@article.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--id", "identifier", help="The article's name (default: that of FILE); one of this name is replaced.")
@KEY_OPTION
@passphrase_option
@command_options
@reporting
def add(app: App, file: Path, identifier: str | None, key_names: tuple[str, ...]) -> None:
    """Publish FILE, or replace the article of its name."""
    found = parse_article(identifier or file.stem.lower(), _read(file))
    spool = open_spool(organisation_home(app))
    missing = lists.put_article(spool, found, _signers(app, key_names), now())
    words = ", ".join(found.words)
    done(app, f"{found.id}: {found.title!r}, offered for: {words}.", {"id": found.id, "missing_signatures": missing})
    tell_missing(app, "policy", missing)


@article.command()
@click.argument("identifier", metavar="ID")
@KEY_OPTION
@passphrase_option
@command_options
@reporting
def remove(app: App, identifier: str, key_names: tuple[str, ...]) -> None:
    """Offer the article ID no longer."""
    spool = open_spool(organisation_home(app))
    missing = lists.drop_article(spool, identifier, _signers(app, key_names), now())
    done(app, f"{identifier} is offered no longer.", {"id": identifier, "missing_signatures": missing})
    tell_missing(app, "policy", missing)


@article.command("list")
@command_options
@reporting
def list_command(app: App) -> None:
    """Show the articles, published or waiting for signatures."""
    found = lists.articles(open_spool(organisation_home(app))).articles
    if app.output.as_json:
        app.output.json({"articles": found})
    for one in found:
        app.output.text(f"{one.id}: {one.title} ({', '.join(one.words)})")
    if not found:
        app.output.text("There are no articles yet. Publish one: handrail org article add printer.md")


def _signers(app: App, key_names: tuple[str, ...]) -> list[TufSigner]:
    vault = KeyDirectory(organisation_home(app).vault, ask_passphrase(app, "Passphrase of the vault"))
    return list(role_signers(vault, "policy", only=key_names))


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(FILE_BYTES + 1)
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror or error}.") from error
    if len(data) > FILE_BYTES:
        raise TrustError(f"{file} has more than {FILE_BYTES} bytes: an article is one page.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise TrustError(f"{file} is not text in UTF-8.") from error
