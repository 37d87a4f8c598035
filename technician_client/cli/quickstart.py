"""`handrail quickstart`: from nothing to an organisation of one."""

import getpass
import os
from pathlib import Path

import click

from hostio.private_files import write_private
from protocol.relay_address import parse_relay_url
from technician_client.cli.app import App, command_options, passphrase_option, reporting
from technician_client.cli.org_common import ask_passphrase, organisation_home
from technician_client.cli.progress import steps
from technician_client.cli.signer import run_signer
from technician_client.organisation.quickstart import BUNDLE_LIFE, BUNDLE_USES, CHOICES, Plan, Result
from technician_client.organisation.quickstart import quickstart as make_everything


@click.command()
@click.option("--relay", required=True, help="The relay's address, e.g. https://127.0.0.1:8443.")
@click.option("--token", help="The registration token that `handrail-relay init` printed (asked for when it is not given).")
@click.option("--pin", default="", help="The relay's SPKI pin that it printed (needed for a self-signed relay elsewhere).")
@click.option("--name", default="", help="The organisation's name.")
@click.option("--technician", default="", help="Your name, as the people you help will see it.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the bundle for your devices.")
@click.option("--run-signer", is_flag=True, help="Stay and run the signer afterwards (the same as `handrail signer`).")
@passphrase_option
@command_options
@reporting
def quickstart(
    app: App, relay: str, token: str | None, pin: str, name: str, technician: str, out: Path | None, run_signer: bool
) -> None:
    """Make an organisation of one: keys, signer, first technician, starter fixes, a bundle for your devices.

    One passphrase protects every key. With --passphrase-file a file that does not exist yet is made, with a random passphrase.
    """
    parse_relay_url(relay)  # what cannot work is said before anything is asked
    if token is None:
        token = str(click.prompt("Registration token (handrail-relay init printed it)", err=True)).strip()
    passphrase_file = app.passphrase_file
    if passphrase_file is not None and not passphrase_file.exists():
        write_private(passphrase_file.absolute(), os.urandom(24).hex().encode() + b"\n")
        app.output.progress(f"Made a random passphrase in {passphrase_file}.")
    passphrase = ask_passphrase(app, "New passphrase for your keys", new=True)
    person = technician or _person()
    plan = Plan(
        relay=relay,
        token=token,
        pin=pin,
        name=name or f"{person}'s organisation"[:64],
        technician=person,
        passphrase=passphrase,
        passphrase_file=passphrase_file,
        bundle_file=out or Path("default-devices.handrail"),
        proxy=app.settings().proxy,
    )
    home = organisation_home(app)
    with steps(app.output) as tell:
        result = make_everything(home, app.settings().identity_directory, plan, on_progress=tell)
    _show(app, result, passphrase_file, staying=run_signer)
    if run_signer:
        _run(app, passphrase)


def _run(app: App, passphrase: bytes) -> None:
    run_signer(app, organisation_home(app), passphrase)


def _person() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = ""
    return "".join(character for character in name if character.isprintable()).strip()[:50] or "Technician"


def _show(app: App, result: Result, passphrase_file: Path | None, *, staying: bool) -> None:
    out = app.output
    if out.as_json:
        out.json(
            {
                "organisation": result.record.organisation,
                "name": result.record.name,
                "relay": result.record.relay,
                "technician": {"name": result.identity.name, "tier": result.identity.tier, "peer": result.identity.peer},
                "bundle": str(result.bundle_file),
                "token_id": result.bundle.token_id,
                "fixes": list(result.fixes),
                "unlock": result.unlock,
            }
        )
        return
    record = result.record
    out.text(f"{record.name} is ready: organisation {record.organisation} at {record.relay}.")
    out.text(f"You are {result.identity.name}, technician of tier 3. Approved: {len(result.fixes)} starter fixes.")
    out.text(f"{result.bundle_file} enrols up to {BUNDLE_USES} devices within {BUNDLE_LIFE.days} days. Keep it like a key.")
    if passphrase_file is not None:
        out.text(f"Your passphrase lies in {passphrase_file}: whoever reads that file and this directory is you.")
    elif result.unlock == "keyring":
        out.text("The system's keyring keeps your passphrase for this user.")
    out.text("")
    out.text("What was chosen, and how to grow out of it:")
    for choice, way in CHOICES:
        out.text(f"  - {choice}")
        out.text(f"    {way}")
    out.text("")
    out.text("Next:")
    option = f" --passphrase-file {passphrase_file}" if passphrase_file is not None else ""
    steps = [] if staying else [(f"handrail signer{option}", "leave it running: it answers enrolments and keeps trust fresh")]
    steps += [
        (f"handrail-agent enrol {result.bundle_file}", "on the computer to look after"),
        ("handrail-agent run", "there too; leave it running"),
        ("handrail console", "here: your devices in a browser"),
    ]
    width = max(len(command) for command, _ in steps)
    for command, words in steps:
        out.text(f"  {command:<{width}}   # {words}")
