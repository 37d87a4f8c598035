"""`handrail join BUNDLE`: become a technician."""

import os
from pathlib import Path

import click
import msgspec

from hostio.enrolment import WAIT_SECONDS, read_bundle
from protocol.enrolment import key_words
from technician_client.cli.app import App, command_options, passphrase_option, reporting
from technician_client.cli.org_common import ask_passphrase
from technician_client.cli.progress import steps
from technician_client.cli.times import now
from technician_client.identity import read_record, save_record
from technician_client.joining import join as join_organisation
from technician_client.organisation.quickstart import keep_passphrase


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--wait", default=WAIT_SECONDS, show_default=True, type=click.FloatRange(1, 3600), help="Seconds to wait for the signer."
)
@passphrase_option
@command_options
@reporting
def join(app: App, bundle: Path, wait: float) -> None:
    """Become a technician with BUNDLE, the file your administrator gave you.

    Makes your key on this computer and has it certified. Devices listen to you once your administrator has put the key on the
    list.
    """
    invitation = read_bundle(bundle)
    settings = app.settings()
    directory = settings.identity_directory
    passphrase = ask_passphrase(app, "New passphrase for your key", new=True)
    kept_in = app.passphrase_file
    with steps(app.output) as tell:
        identity = join_organisation(
            invitation,
            directory,
            passphrase=passphrase,
            unlock="file" if kept_in is not None else "prompt",
            passphrase_file=str(kept_in.absolute()) if kept_in is not None else "",
            wall=now,
            random_bytes=os.urandom,
            on_progress=tell,
            wait_seconds=wait,
            proxy=settings.proxy,
        )
    record, unlock = keep_passphrase(directory, read_record(directory), passphrase)
    save_record(directory, record)
    words = key_words(identity.fingerprint)
    if app.output.as_json:
        app.output.json(
            {
                "organisation": identity.organisation,
                "name": identity.name,
                "tier": identity.tier,
                "peer": identity.peer,
                "key": identity.fingerprint.hex(),
                "key_words": words,
                "unlock": msgspec.to_builtins(unlock),
            }
        )
    app.output.text(f"You are {identity.name}, technician of tier {identity.tier} of {identity.organisation_name}.")
    app.output.text(f"Your key: {words}")
    app.output.text("Read these words to your administrator, who runs: handrail org technician NAME. Then: handrail devices")
