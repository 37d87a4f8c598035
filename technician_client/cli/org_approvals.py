"""`handrail org adopt` and `handrail org approvals`, and how decisions travel: key holders on computers of their own sign what
the others have signed, through the relay's mailbox and the organisation's signer."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from hostio.private_files import read_private
from hostio.relay_http import RelayHttp
from protocol.approvals import Ended
from protocol.certificates import PrivateKey
from protocol.errors import HandrailError, Refused, TrustError
from technician_client.cli.app import App, command_options, passphrase_option, reporting
from technician_client.cli.org_common import ask_passphrase, done, open_spool, organisation_home
from technician_client.cli.times import day, now
from technician_client.errors import NotFound, NotSetUp
from technician_client.organisation import approvals
from technician_client.organisation.mailing import Mailing, Waits, take, through_relay
from technician_client.organisation.mirroring import refresh_published, runs_signer
from technician_client.organisation.proposals import TRAVELLING, digest_of, key_ids
from technician_client.organisation.record import RECORD_BYTES, OrganisationHome, OrganisationRecord
from technician_client.organisation.registering import root_words
from technician_client.organisation.repository import Repository
from technician_client.organisation.rotation import tuf_key
from technician_client.organisation.spool import Spool
from technician_client.organisation.vault import KeyDirectory

KEYS = "Passphrase of your vault"


def bring_up_to_date(app: App, home: OrganisationHome) -> Spool:
    """The spool of whoever decides here. Where the signer runs elsewhere, what is published is fetched first, and what waited
    here and was published or overtaken meanwhile is forgotten."""
    spool = open_spool(home)
    if runs_signer(home):
        return spool
    refresh_published(home, app.settings(), now())
    repository = Repository(home.repository)
    for role in spool.roles():
        data = spool.candidate(role)
        if data is not None and role in TRAVELLING and spool.newest(role).signed.version <= repository.version(role):
            same = repository.role(role) is not None and digest_of(
                Spool(repository.nowhere, repository).newest(role)
            ) == digest_of(spool.newest(role))
            app.output.progress(f"Your decision about {role} was {'published' if same else 'overtaken by another one'}.")
            spool.taken(role, data)
    return spool


def mailing(app: App, home: OrganisationHome) -> Mailing:
    """Requests to the signer through the relay."""
    record = home.registered()
    settings = app.settings()
    http = RelayHttp(record.relay, record.relay_spki, proxy=settings.proxy, timeout=settings.request_seconds)
    return Mailing(record, Repository(home.repository), through_relay(http, record, now, app.output.progress), now)


def key_of(home: OrganisationHome, vault: KeyDirectory, role: str, names: Sequence[str]) -> PrivateKey:
    """The key of a role that speaks for this computer.

    Raises:
        NotSetUp: none lies here.
    """
    here = list(names) or [name for name in vault.names() if name.rpartition("-")[0] == role]
    allowed = key_ids(Repository(home.repository), role)
    for name in here:
        if tuf_key(vault.get(name).public).keyid in allowed:
            return vault.get(name)
    raise NotSetUp(f"No key that signs for {role} lies in {home.vault}. See: handrail org key new --help")


def mail(app: App, home: OrganisationHome, spool: Spool, role: str, key: PrivateKey) -> None:
    """Send what was signed here on its way to the others, and say how it stands.

    Raises:
        Refused: the signer does not take it; it is forgotten here, too. Unavailable: it waits here for the next try.
    """
    try:
        missing = mailing(app, home).share(spool, role, key)
    except Refused:
        data = spool.candidate(role)
        if data is not None:
            spool.taken(role, data)
        raise
    except HandrailError:
        app.output.warning("What you signed could not be mailed. It is kept here: `handrail org approvals` sends it again.")
        raise
    if missing:
        app.output.warning(
            f"Mailed. {missing} more signature(s) are needed. Another key holder sees it with `handrail org approvals` and runs: "
            f"handrail org countersign {role} --key NAME"
        )
    else:
        app.output.progress("Mailed. It carries enough signatures: the signer publishes it now.")


def fetch_waiting(app: App, home: OrganisationHome, spool: Spool, role: str, key: PrivateKey) -> None:
    """Lay what waits at the signer into this computer's spool, judged, so that it can be shown and signed.

    Raises:
        NotFound: nothing waits; the text names what ended lately. TrustError: what came does not hold.
    """
    waits = mailing(app, home).look(role, key)
    if waits.problem:
        raise TrustError(f"What waits for {role} is not taken over: {waits.problem}")
    if waits.judged is None:
        ended = " ".join(_ended(entry) for entry in waits.ended[-3:])
        raise NotFound(f"Nothing of {role} waits for a signature. {ended}".strip())
    take(spool, waits.judged)
    app.output.progress(f"Signed so far by {', '.join(holders(home.load(), waits.judged.signed))}.")


def holders(record: OrganisationRecord, keys: Sequence[str]) -> list[str]:
    """Key ids in words."""
    return [f"{record.holders[key]} ({key[:8]})" if key in record.holders else key[:8] for key in keys]


def show_changes(app: App, lines: Sequence[str]) -> None:
    """A unified diff, coloured."""
    for line in lines:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "dim")
        app.output.progress(f"    {line}", style=style)
    if not lines:
        app.output.progress("    Nothing differs from what is published.")


@click.command()
@click.argument("record", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--yes", is_flag=True, help="Do not ask whether it is the right organisation.")
@command_options
@reporting
def adopt(app: App, record: Path, yes: bool) -> None:
    """Decide for an organisation on this computer, too: RECORD is its organisation.json, which holds no secret.

    Make a key of your own with `handrail org key new`, have it trusted, and decisions reach you here: handrail org approvals.
    """
    home = organisation_home(app)
    if home.exists():
        raise TrustError(f"There is an organisation in {home.base} already. Choose another --home for a second one.")
    try:
        read = msgspec.json.decode(read_private(record, RECORD_BYTES, secret=False), type=OrganisationRecord)
    except (ValueError, RecursionError) as error:
        raise TrustError(f"{record} is no organisation.json ({error}).") from error
    app.output.progress(f"{read.name}, relay {read.relay or 'none yet'}, root certificate {root_words(read)}")
    if not yes and not click.confirm("Has its administrator read you the same root certificate?", err=True):
        app.output.text("Nothing was changed.")
        return
    home.save(read)
    done(app, f"You can decide for {read.name} here.", {"organisation": read.organisation, "name": read.name})


@click.command("approvals")
@click.option("--withdraw", "withdrawn", type=click.Choice(TRAVELLING), help="Take back what waits of this role and you signed.")
@click.option("--key", "key_names", multiple=True, help="Ask with this key of the vault (default: the first of each role).")
@passphrase_option
@command_options
@reporting
def approvals_command(app: App, withdrawn: str | None, key_names: tuple[str, ...]) -> None:
    """List the decisions that wait for a signature of yours, what they change, and which were withdrawn or expired."""
    home = organisation_home(app)
    home.registered()
    spool = bring_up_to_date(app, home)
    vault = KeyDirectory(home.vault, ask_passphrase(app, KEYS))
    if withdrawn is not None:
        _withdraw(app, home, spool, withdrawn, key_of(home, vault, withdrawn, key_names))
        return
    names = set(key_names) or set(vault.names())
    rows = []
    for role in TRAVELLING:
        mine = [name for name in sorted(names) if name.rpartition("-")[0] == role]
        if not mine:
            continue
        key = key_of(home, vault, role, mine)
        waits = mailing(app, home).look(role, key)
        if waits.judged is None and not waits.problem:
            waits = _send_again(app, home, spool, role, key, waits)
        rows.append(_tell(app, home, role, waits))
    if not rows:
        raise NotSetUp(f"No key that signs anything lies in {home.vault}. See: handrail org key new --help")
    if app.output.as_json:
        app.output.json({"approvals": rows})


def _send_again(app: App, home: OrganisationHome, spool: Spool, role: str, key: PrivateKey, waits: Waits) -> Waits:
    """What was signed here and did not reach the signer (it was away) is mailed now; what ended there ends here."""
    data = spool.candidate(role)
    if data is None or runs_signer(home):
        return waits
    if any(entry.digest == digest_of(spool.newest(role)) for entry in waits.ended):
        spool.taken(role, data)
        return waits
    mail(app, home, spool, role, key)
    return mailing(app, home).look(role, key)


def _tell(app: App, home: OrganisationHome, role: str, waits: Waits) -> dict[str, object]:
    """One role in words; the same as a document."""
    row: dict[str, object] = {"role": role, "waiting": waits.judged is not None, "problem": waits.problem}
    row["ended"] = [{"version": e.version, "how": e.how, "by": e.by, "at": e.at} for e in waits.ended]
    for entry in waits.ended[-5:]:
        app.output.text(_ended(entry))
    if waits.problem:
        app.output.warning(f"{role}: what came is not to be trusted and was left alone. {waits.problem}")
    if waits.judged is None:
        app.output.text(f"{role}: nothing waits.")
        return row
    judged, record = waits.judged, home.load()
    row |= {"version": judged.version, "missing_signatures": judged.missing, "signed": list(judged.signed)}
    until = day(judged.metadata.signed.expires)
    app.output.text(
        f"{role}: version {judged.version} waits for {judged.missing} more signature(s). Signed by "
        f"{', '.join(holders(record, judged.signed))}; it expires on {until}."
    )
    repository = Repository(home.repository)
    published = Spool(repository.nowhere, repository)
    beside = Spool(home.base / "looked-at", repository)
    beside.put(role, judged.metadata.to_bytes(), judged.targets)
    try:
        scripts = role == "scripts"
        show_changes(app, approvals.script_changes(published, beside) if scripts else approvals.changes(role, published, beside))
    finally:
        beside.taken(role, beside.candidate(role) or b"")
    app.output.text(f"To sign it: handrail org countersign {role} --key NAME")
    return row


def _withdraw(app: App, home: OrganisationHome, spool: Spool, role: str, key: PrivateKey) -> None:
    post = mailing(app, home)
    waits = post.look(role, key)
    if waits.judged is None:
        raise NotFound(f"Nothing of {role} waits. {waits.problem}".strip())
    text = post.withdraw(role, key, waits.judged.digest)
    data = spool.candidate(role)
    if data is not None and digest_of(spool.newest(role)) == waits.judged.digest:
        spool.taken(role, data)
    done(app, text, {"withdrawn": role, "version": waits.judged.version})


def _ended(entry: Ended) -> str:
    when = datetime.fromtimestamp(entry.at, UTC)
    return f"{entry.role}: version {entry.version} was {entry.how} ({entry.by}) on {when:%Y-%m-%d %H:%M} UTC."
