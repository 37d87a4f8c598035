"""`handrail org panic`: one command after which no technician's certificate of before counts on any device."""

from datetime import UTC, datetime

import click

from protocol.errors import TrustError
from technician_client.cli.app import App, command_options, passphrase_option, reporting
from technician_client.cli.org_common import ask_passphrase, done, open_spool, organisation_home, tell_missing
from technician_client.cli.times import day, now
from technician_client.organisation import lists
from technician_client.organisation.foundation import role_signers
from technician_client.organisation.tokens import Records
from technician_client.organisation.vault import KeyDirectory


def parse_moment(text: str, wall: datetime) -> datetime:
    """ "now", or a time as RFC 3339 has it ("2026-11-21T20:00Z", also with a blank; without a zone it is UTC).

    Raises:
        click.UsageError: it is neither.
    """
    if text == "now":
        return wall
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "T"))
    except ValueError as error:
        raise click.UsageError(f"--not-before {text!r}: write now, or a time like 2026-11-21T20:00Z.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@click.command()
@click.option("--not-before", "text", required=True, metavar="now|TIME", help="Refuse what was issued before this moment.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--key", "key_names", multiple=True, help="Sign with this key of the vault (default: all revocation keys here).")
@passphrase_option
@command_options
@reporting
def panic(app: App, text: str, yes: bool, key_names: tuple[str, ...]) -> None:
    """The kill switch: every device refuses technicians' certificates issued before a moment, and ends their sessions.

    For a stolen signer, or when nobody knows what was stolen. Technicians on the list get a new certificate from the signer at
    their next command; whoever else held one is out. Nothing takes this back.
    """
    home = organisation_home(app)
    home.load()
    spool, wall = open_spool(home), now()
    moment = parse_moment(text, wall)
    if moment > wall:
        raise TrustError(f"{day(moment)} has not come yet: that would lock out everybody until then. Write --not-before now.")
    before = lists.revocation(spool).not_before
    if moment.timestamp() <= before:
        raise TrustError(f"Certificates of before {day(before)} are refused already; a revocation is never taken back.")
    with Records(home.records) as records:
        hit = [issued for issued in records.issued("technician") if issued.last_at < moment.timestamp() < issued.not_after]
    app.output.warning(f"Every technician's certificate issued before {day(moment)} UTC will be refused on every device.")
    app.output.warning(f"It hits {len(hit)} that still hold: {', '.join(sorted(issued.label for issued in hit)) or 'nobody'}.")
    app.output.warning(
        "If the signer itself was stolen: stop it, run `handrail org rotate technician-ca --revoke`, and start it elsewhere."
    )
    if not yes and not click.confirm("Refuse them all?", err=True):
        app.output.text("Nothing was changed.")
        return
    signers = role_signers(KeyDirectory(home.vault, ask_passphrase(app, "Passphrase of the vault")), "revocation", only=key_names)
    missing = lists.revoke_key(spool, [], signers, wall, not_before=moment.timestamp())
    done(
        app,
        f"Refused: every technician's certificate issued before {day(moment)} UTC. Devices learn it seconds after the upload.",
        {"not_before": moment.timestamp(), "hit": len(hit), "missing_signatures": missing},
    )
    tell_missing(app, "revocation", missing)
