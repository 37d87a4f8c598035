"""`handrail-agent audit`: look at what was recorded here, check that nothing of it was changed, hand it to somebody who can."""

import os
import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click
import msgspec

from agent.audit_export import export, line_of, open_chain, verify
from agent.command_words import language_option
from agent.desktop.texts import Texts
from agent.enrolment import load_identity
from agent.errors import AuditUnavailable, NotEnrolled
from agent.keys import DeviceKeys
from agent.settings import AgentSettings
from protocol.audit import moment
from protocol.printable import printable


@click.group()
def audit() -> None:
    """What happened on this computer, and whether the record of it is whole."""


@audit.command("verify")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def verify_command(settings: AgentSettings, as_json: bool, texts: Texts) -> None:
    """Check every record against the others, the signed checkpoint and your receipts. Exit code 7: something was changed."""
    with open_chain(settings.audit) as chain:
        sound = verify(chain, settings.receipts, _keys(settings))
    if as_json:
        click.echo(msgspec.json.encode({"records": sound.records, "receipts": sound.receipts, "gone": sound.gone}).decode())
        return
    click.echo(texts("audit.whole", records=sound.records, receipts=sound.receipts))
    if sound.gone:
        click.echo(texts("audit.gone", count=sound.gone))
    click.echo(texts("audit.owner"))


@audit.command("show")
@click.option("--session", default="", help="Only the records of this session.")
@click.option("--last", default=50, show_default=True, type=click.IntRange(1), help="So many of the newest records.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def show_command(settings: AgentSettings, session: str, last: int, as_json: bool) -> None:
    """Show what was recorded, the newest last."""
    with open_chain(settings.audit) as chain:
        kept = [record for record, _ in chain.rows() if not session or record.session == session]
    for record in kept[-last:]:
        if as_json:
            click.echo(msgspec.json.encode(record).decode())
        else:
            where = f" [{printable(record.session)}]" if record.session else ""
            click.echo(f"{record.sequence:>6}  {moment(record.at)}{where}  {printable(line_of(record))}")


@audit.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--session", default="", help="Only the records of this session, each with the proof that it belongs to the chain.")
@language_option
@click.pass_obj
def export_command(settings: AgentSettings, file: Path, session: str, texts: Texts) -> None:
    """Write the records to FILE ("-": standard output), signed, for `handrail audit verify FILE`."""
    keys = load_identity(settings.home)
    with open_chain(settings.audit) as chain:
        lines = export(chain, keys, session=session, at=datetime.now(UTC).timestamp())
        first = next(lines)
        if str(file) == "-":
            sys.stdout.buffer.write(first)
            sys.stdout.buffer.writelines(lines)
            return
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(first)
                count = 0
                while batch := list(islice(lines, 1000)):
                    out.writelines(batch)
                    count += len(batch)
        except OSError as error:
            raise AuditUnavailable(f"{file} cannot be written: {error.strerror or error}.") from error
    click.echo(texts("audit.exported", count=count, path=file, name=file.name))


def _keys(settings: AgentSettings) -> DeviceKeys | None:
    try:
        return load_identity(settings.home)
    except NotEnrolled:
        return None
