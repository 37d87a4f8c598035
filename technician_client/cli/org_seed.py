"""`handrail org seed`: the file with which a computer that is not enrolled can ask this organisation for help."""

from pathlib import Path

import click

from technician_client.cli.app import App, command_options, reporting
from technician_client.cli.org_common import organisation_home
from technician_client.organisation.registering import root_words, short_pin
from technician_client.organisation.seeding import seed_of, write_seed


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("guests.seed"),
    show_default=True,
    help="The file to write.",
)
@command_options
@reporting
def seed(app: App, out: Path) -> None:
    """Write the seed file for computers that are not enrolled. It pins your root and your relay and holds no secret.

    Hand it out where people trust what they get (your own web site, a mail they expect): who replaces it replaces you.
    """
    record = organisation_home(app).registered()
    written = write_seed(seed_of(record), out)
    if app.output.as_json:
        app.output.json({"file": str(written), "organisation": record.organisation, "relay": record.relay})
    app.output.text(f"Wrote {written}: {record.name}, root {root_words(record)}, at {record.relay}")
    app.output.text(f"  relay {short_pin(record.relay_spki)}")
    app.output.text(f'On a computer that is not enrolled: handrail-agent guest {written.name} "what is wrong"')
