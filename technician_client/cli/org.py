"""`handrail org`: the decisions of an organisation. Each is signed by keys of the vault and published by the signer."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click
import msgspec

from hostio.private_files import PrivateFileError
from protocol.documents import BUNDLE_SUFFIX, Bundle, TechnicianEntry
from protocol.enrolment import key_words
from protocol.errors import TrustError, Unavailable
from technician_client.cli.app import App, command_options, passphrase_option, reporting
from technician_client.cli.org_approvals import (
    adopt,
    approvals_command,
    bring_up_to_date,
    fetch_waiting,
    key_of,
    mail,
    show_changes,
)
from technician_client.cli.org_article import article
from technician_client.cli.org_common import ask_passphrase, done, open_spool, organisation_home, tell_missing
from technician_client.cli.org_keys import key, rotate
from technician_client.cli.org_panic import panic
from technician_client.cli.org_policy import policy
from technician_client.cli.org_release import release
from technician_client.cli.org_seed import seed
from technician_client.cli.org_show import describe
from technician_client.cli.progress import steps
from technician_client.cli.times import now
from technician_client.errors import NotFound
from technician_client.organisation import approvals, bundles, lists, renewing, rotation
from technician_client.organisation.foundation import create_organisation, role_signers
from technician_client.organisation.mirroring import runs_signer
from technician_client.organisation.record import OrganisationHome, Thresholds
from technician_client.organisation.registering import register, root_words, short_pin
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from technician_client.organisation.tokens import Issued, Records
from technician_client.organisation.vault import KeyDirectory

VAULT = "Passphrase of the vault"
KEY_HELP = "Sign with this key of the vault only (may be given several times; default: all keys of the role that are here)."


@click.group()
@click.option(
    "--vault",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="HANDRAIL_VAULT",
    help="Where the vault lies, when not beside the rest (a disk that is plugged in for decisions).",
)
@click.pass_obj
def org(app: App, vault: Path | None) -> None:
    """Set up and run an organisation."""
    app.vault = vault


org.add_command(seed)


@org.command()
@click.argument("name")
@click.option("--thresholds", default="", help='Signatures needed, e.g. "scripts=2,policy=2"; "1" for an organisation of one.')
@passphrase_option
@command_options
@reporting
def init(app: App, name: str, thresholds: str) -> None:
    """Make a new organisation called NAME on this computer."""
    home = organisation_home(app)
    chosen = parse_thresholds(thresholds)
    if home.exists():
        raise TrustError(f"There is an organisation in {home.base} already. Choose another --home for a second one.")
    vault = ask_passphrase(app, "New passphrase for the vault", new=True)
    signer = vault if app.passphrase_file else ask_passphrase(app, "New passphrase for the signer (may be the same)", new=True)
    with steps(app.output) as tell:
        tell("Making keys ...")
        record = create_organisation(
            home, name=name, thresholds=chosen, vault_passphrase=vault, signer_passphrase=signer, wall=now()
        )
    if app.output.as_json:
        app.output.json({"organisation": record.organisation, "name": record.name, "directory": str(home.base)})
    app.output.text(f"{record.name} is organisation {record.organisation}, in {home.base}.")
    app.output.text(f"Its root certificate: {root_words(record)}")
    app.output.text("Next: handrail org register --relay URL --token TOKEN. Keep a copy of the whole directory offline.")


@org.command("register")
@click.option("--relay", required=True, help="The relay's address, e.g. https://relay.example:8443.")
@click.option("--token", required=True, help="The one-time token that `handrail-relay init` printed.")
@click.option("--pin", default="", help="The relay's SPKI pin that it printed (needed for a self-signed relay elsewhere).")
@command_options
@reporting
def register_command(app: App, relay: str, token: str, pin: str) -> None:
    """Register the organisation at a relay."""
    home = organisation_home(app)
    with steps(app.output) as tell:
        tell("Registering at the relay ...")
        record = register(home, home.load(), url=relay, token=token, pin=pin, proxy=app.settings().proxy)
    if app.output.as_json:
        app.output.json({"relay": record.relay, "relay_spki": record.relay_spki, "organisation": record.organisation})
    app.output.text(f"Registered at {record.relay}, pinned to {short_pin(record.relay_spki)}.")
    app.output.text("Next: handrail signer")


@org.command()
@click.option("--group", default="default", show_default=True, help="The device group; policy is by group.")
@click.option("--uses", default=1, show_default=True, type=click.IntRange(1, 100_000), help="How many devices may use it.")
@click.option("--days", default=7.0, show_default=True, type=click.FloatRange(0.001, 366), help="How long it can be used.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@command_options
@reporting
def enrolment(app: App, group: str, uses: int, days: float, out: Path | None) -> None:
    """Make an enrolment bundle for devices: whoever holds the file can enrol until it expires or is used up."""
    home = organisation_home(app)
    record = home.registered()
    path = out or Path(f"{group}-devices{BUNDLE_SUFFIX}")
    with Records(home.records) as records:
        bundle = bundles.device_bundle(record, records, group=group, uses=uses, life=timedelta(days=days), wall=now())
        _write_bundle(app, records, bundle, path)
    app.output.text(f"On each computer: handrail-agent enrol {path.name}   ({uses} uses, {days:g} days)")


@org.command()
@click.argument("name")
@click.option("--tier", type=click.IntRange(1, 3), help="How far this technician may go, 1 to 3 (needed to invite).")
@click.option("--days", default=3.0, show_default=True, type=click.FloatRange(0.001, 60), help="How long the invitation holds.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--yes", is_flag=True, help="Put the key on the list without asking whether it is the right one.")
@click.option("--key", "key_names", multiple=True, help=KEY_HELP)
@passphrase_option
@command_options
@reporting
def technician(
    app: App, name: str, tier: int | None, days: float, out: Path | None, yes: bool, key_names: tuple[str, ...]
) -> None:
    """Invite the technician NAME; called again after they have joined, put their key on the signed list."""
    home = organisation_home(app)
    record, spool = home.registered(), open_spool(home)
    with Records(home.records) as records:
        listed = lists.technicians(spool)
        joined = [
            found
            for found in records.issued("technician")
            if found.label == name and not listed.find(bytes.fromhex(found.fingerprint))
        ]
        joined = [found for found in joined if not found.revoked]
        if not joined:
            if tier is None:
                raise click.UsageError(f"Nobody called {name!r} has joined. To invite them, give --tier 1, 2 or 3.")
            path = out or Path(f"{_file_name(name)}{BUNDLE_SUFFIX}")
            bundle = bundles.technician_bundle(record, records, name=name, tier=tier, life=timedelta(days=days), wall=now())
            _write_bundle(app, records, bundle, path)
            app.output.text(f"{name} runs: handrail join {path.name}. Then run this again to put their key on the list.")
            return
        found = _choose(joined)
        if not yes and not _confirm_key(app, found):
            app.output.text("Nothing was changed.")
            return
    entry = TechnicianEntry(name=name, tier=tier or found.tier, key=found.fingerprint, peer=found.peer)
    signers = role_signers(KeyDirectory(home.vault, ask_passphrase(app, VAULT)), "policy", only=key_names)
    missing = lists.admit_technician(spool, entry, signers, now())
    if app.output.as_json:
        app.output.json({"technician": entry, "missing_signatures": missing})
    app.output.text(f"{name} stands on the list with tier {entry.tier}.")
    tell_missing(app, "policy", missing)


@org.command()
@click.argument("directories", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--starter", multiple=True, metavar="ID", help="A fix that comes with Handrail, by id.")
@click.option("--all-starters", is_flag=True, help="Every fix that comes with Handrail.")
@click.option("--yes", is_flag=True, help="Do not ask before signing.")
@click.option("--key", "key_names", multiple=True, help=KEY_HELP)
@passphrase_option
@command_options
@reporting
def approve(
    app: App, directories: tuple[Path, ...], starter: tuple[str, ...], all_starters: bool, yes: bool, key_names: tuple[str, ...]
) -> None:
    """Approve fix scripts: DIRECTORIES that hold a fix.toml and its files.

    Shows what differs from what is approved, signs, and mails it to the other approvers where this is not the signer's computer.
    """
    home = organisation_home(app)
    spool = bring_up_to_date(app, home)
    scripts = [approvals.read_script(directory) for directory in directories]
    known = {script.manifest.id: script for script in approvals.starter_fixes()} if starter or all_starters else {}
    for identifier in starter:
        if identifier not in known:
            raise NotFound(f"No starter fix {identifier!r}; there are: {', '.join(sorted(known))}")
    scripts += [script for identifier, script in known.items() if all_starters or identifier in starter]
    if not scripts:
        raise click.UsageError("Give a directory with a fix.toml, --starter ID or --all-starters.")
    for script in scripts:
        _show_script(app, spool, script)
    if not yes and not click.confirm(f"Sign {len(scripts)} script(s)?", err=True):
        app.output.text("Nothing was signed.")
        return
    vault = KeyDirectory(home.vault, ask_passphrase(app, VAULT))
    names = approvals.one_persons_key(spool, vault, "scripts", key_names)
    missing = approvals.approve(spool, scripts, role_signers(vault, "scripts", only=names), now())
    if app.output.as_json:
        approved = [{"id": script.manifest.id, "version": script.manifest.version} for script in scripts]
        app.output.json({"approved": approved, "missing_signatures": missing})
    app.output.text(f"Approved: {', '.join(script.manifest.id for script in scripts)}.")
    if runs_signer(home):
        tell_missing(app, "scripts", missing)
    else:
        mail(app, home, spool, "scripts", key_of(home, vault, "scripts", names))


@org.command()
@click.option("--technician", "name", help="Take a technician off the list and revoke the key.")
@click.option("--device", help="Revoke a device's key, by id or label: the signer renews it no more.")
@click.option("--fix", "fix", help="Withdraw the approval of a fix script.")
@click.option("--token", "token", help="End an enrolment bundle, by its token id.")
@click.option("--all-technicians", is_flag=True, help="Refuse every technician's certificate issued until now (a stolen signer).")
@click.option("--key", "key_names", multiple=True, help=KEY_HELP)
@passphrase_option
@command_options
@reporting
def revoke(
    app: App,
    name: str | None,
    device: str | None,
    fix: str | None,
    token: str | None,
    all_technicians: bool,
    key_names: tuple[str, ...],
) -> None:
    """Revoke a technician, a device, a fix's approval, or an enrolment bundle."""
    if sum(option is not None for option in (name, device, fix, token)) + all_technicians != 1:
        raise click.UsageError("Give exactly one of --technician, --device, --fix, --token and --all-technicians.")
    home = organisation_home(app)
    spool = open_spool(home)
    with Records(home.records) as records:
        if token is not None:
            if not records.withdraw_token(token):
                raise NotFound(f"There is no bundle with the token {token!r}. See: handrail org show")
            done(app, f"The bundle {token} can be used no more.", {"token": token})
            return
        vault = KeyDirectory(home.vault, ask_passphrase(app, VAULT))
        if fix is not None:
            missing = approvals.withdraw(spool, fix, role_signers(vault, "scripts", only=key_names), now())
            done(app, f"{fix} is approved no more.", {"fix": fix, "missing_signatures": missing})
            tell_missing(app, "scripts", missing)
        elif device is not None:
            found = _device(records, device)
            missing = lists.revoke_key(spool, [found.fingerprint], role_signers(vault, "revocation"), now())
            records.mark_revoked(found.fingerprint)
            done(app, f"{found.label} ({found.peer}) is revoked.", {"device": found.peer, "missing_signatures": missing})
            tell_missing(app, "revocation", missing)
        elif name is not None:
            _revoke_technician(app, home, records, vault, name, key_names)
        else:
            signers = role_signers(vault, "revocation", only=key_names)
            missing = lists.revoke_key(spool, [], signers, now(), not_before=now().timestamp())
            text = "Every technician's certificate issued until now is refused; renewed ones count again."
            done(app, text, {"all_technicians": True, "missing_signatures": missing})
            tell_missing(app, "revocation", missing)


@org.command()
@click.argument("role", type=click.Choice(["root", "targets", "scripts", "agent", "policy", "revocation"]))
@click.option("--key", "key_names", multiple=True, required=True, help="The key to sign with, as `handrail org show` names it.")
@click.option("--yes", is_flag=True, help="Sign scripts without asking (they are shown all the same).")
@passphrase_option
@command_options
@reporting
def countersign(app: App, role: str, key_names: tuple[str, ...], yes: bool) -> None:
    """Add a signature to a decision that waits for one."""
    home = organisation_home(app)
    spool = bring_up_to_date(app, home)
    vault = KeyDirectory(home.vault, ask_passphrase(app, "Passphrase of the key"))
    if not runs_signer(home) and role != "root":
        fetch_waiting(app, home, spool, role, key_of(home, vault, role, key_names))
    names = approvals.one_persons_key(spool, vault, role, key_names, adding=True)
    published = Spool(Repository(home.repository).nowhere, Repository(home.repository))
    if role == "scripts":
        for script in approvals.waiting(spool):
            _show_script(app, published, script)
        for line in approvals.withdrawn(published, spool):
            app.output.progress(f"    {line}", style="red")
    elif role != "root":
        show_changes(app, approvals.changes(role, published, spool))
    if role != "root" and not yes and not click.confirm("Sign this?", err=True):
        app.output.text("Nothing was signed.")
        return
    signers = role_signers(vault, role, only=names)
    if role == "root":
        missing = rotation.countersign_root(spool, Repository(home.repository), signers)
    else:
        missing = spool.countersign(role, signers)
    done(app, f"Signed {role}.", {"role": role, "missing_signatures": missing})
    if runs_signer(home) or role == "root":
        tell_missing(app, role, missing)
    else:
        mail(app, home, spool, role, key_of(home, vault, role, names))


@org.command()
@passphrase_option
@command_options
@reporting
def renew(app: App) -> None:
    """Sign everything anew that would expire, and renew the signer's login certificate."""
    home = organisation_home(app)
    home.load()
    passphrase = ask_passphrase(app, VAULT)
    with steps(app.output) as tell:
        tell("Signing anew ...")
        renewed = renewing.renew_all(home, KeyDirectory(home.vault, passphrase), now())
    done(app, "Signed anew: " + ", ".join(renewed) + ". Restart `handrail signer` to take the new login.", {"renewed": renewed})


@org.command()
@command_options
@reporting
def show(app: App) -> None:
    """Show the organisation: who, what is approved, what waits, what expires."""
    home = organisation_home(app)
    with Records(home.records) as records:
        describe(app, home, home.load(), open_spool(home), records, now())


def parse_thresholds(text: str) -> Thresholds:
    """`--thresholds`: "" for the defaults, a number for all, or role=number pairs.

    Raises:
        click.UsageError: it is none of these.
    """
    if not text:
        return Thresholds()
    pairs = dict.fromkeys(Thresholds.__struct_fields__, text)
    if "=" in text:
        pairs = dict(part.partition("=")[::2] for part in text.split(","))
    try:
        return msgspec.convert({name.strip(): int(value) for name, value in pairs.items()}, Thresholds)
    except (ValueError, msgspec.ValidationError) as error:
        raise click.UsageError(f'--thresholds {text!r}: write "1" or "scripts=2,policy=2" ({error}).') from error


def _write_bundle(app: App, records: Records, bundle: Bundle, path: Path) -> None:
    try:
        written = bundles.write_bundle(bundle, path)
    except PrivateFileError:
        with suppress(Unavailable):  # on a full disk that may not work either: then it runs out by itself, and nobody holds it
            records.withdraw_token(bundle.token_id)
        raise
    if app.output.as_json:
        app.output.json(
            {
                "file": str(written),
                "token_id": bundle.token_id,
                "kind": bundle.kind,
                "expires": bundle.expires,
                "group": bundle.group,
            }
        )
    app.output.text(f"Wrote {written}. It holds a secret: hand it over as you would a key.")


def _choose(joined: list[Issued]) -> Issued:
    if len(joined) > 1:
        raise TrustError(
            f"{len(joined)} keys joined under this name. Revoke the wrong ones first: handrail org revoke --technician KEY "
            f"(keys: {', '.join(found.fingerprint[:16] for found in joined)})"
        )
    return joined[0]


def _confirm_key(app: App, found: Issued) -> bool:
    app.output.progress(f"{found.label} joined with this key: {key_words(bytes.fromhex(found.fingerprint))}")
    return click.confirm("Have they read the same words to you?", err=True)


def _revoke_technician(
    app: App, home: OrganisationHome, records: Records, vault: KeyDirectory, name: str, key_names: tuple[str, ...]
) -> None:
    spool = open_spool(home)
    joined = [
        found for found in records.issued("technician") if name in (found.label, found.peer) or found.fingerprint.startswith(name)
    ]
    keys = {found.fingerprint for found in joined}
    missing = 0
    listed = [entry for entry in lists.technicians(spool).technicians if entry.key in keys or name in (entry.name, entry.key)]
    keys |= {entry.key for entry in listed}
    if not keys:
        raise NotFound(f"No technician {name!r}. See: handrail org show")
    # Whatever fails in between, the name still stands on the list that the next attempt finds it by.
    also = lists.revoke_key(spool, sorted(keys), role_signers(vault, "revocation"), now())
    for fingerprint in keys:
        records.mark_revoked(fingerprint)
    for entry in listed:
        _, missing = lists.dismiss_technician(spool, entry.key, role_signers(vault, "policy", only=key_names), now())
    done(app, f"{name} is revoked.", {"technician": name, "keys": sorted(keys), "missing_signatures": max(missing, also)})
    tell_missing(app, "policy" if missing else "revocation", missing or also)


def _device(records: Records, words: str) -> Issued:
    found = [item for item in records.issued("device") if words in (item.peer, item.label, item.fingerprint)]
    if not found:
        raise NotFound(f"No device {words!r} was enrolled. See: handrail org show")
    if len(found) > 1:
        raise TrustError(f"{len(found)} devices are called {words!r}; give the id: {', '.join(item.peer for item in found)}")
    return found[0]


def _show_script(app: App, spool: Spool, script: approvals.Script) -> None:
    manifest = script.manifest
    app.output.progress(
        f"{manifest.id} {manifest.version}: {manifest.title} (as {manifest.run_as}, tier "
        f"{manifest.min_tier}, consent {manifest.consent})"
    )
    for effect in manifest.effects:
        app.output.progress(f"    {effect}")
    for file in manifest.files:
        app.output.progress(f"    {file.name}  sha256 {file.sha256}")
    changes = approvals.difference(spool, script)
    for line in changes:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "dim")
        app.output.progress(f"    {line}", style=style)
    if not changes:
        app.output.progress("    Nothing differs from what is approved.")


def _file_name(name: str) -> str:
    plain = "".join(character if character.isascii() and character.isalnum() else "-" for character in name.lower())
    return plain.strip("-") or "technician"


org.add_command(adopt)
org.add_command(approvals_command)
org.add_command(key)
org.add_command(release)
org.add_command(rotate)
org.add_command(panic)
org.add_command(policy)
org.add_command(article)
