"""`handrail org key` and `handrail org rotate`: who holds which key, and new keys for old ones. docs/ceremony.md says when."""

from pathlib import Path

import click

from hostio.private_files import read_passphrase
from technician_client.cli.app import App, command_options, passphrase_option, reporting
from technician_client.cli.org_common import ask_passphrase, done, open_spool, organisation_home, tell_missing
from technician_client.cli.times import day, now
from technician_client.organisation import lists, rotation
from technician_client.organisation.foundation import CA_KEYS, LOGIN_KEY, role_signers
from technician_client.organisation.metadata import OFFLINE
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.vault import KeyDirectory, read_public

VAULT = "Passphrase of the vault"
CAS = {name: role for role, name in CA_KEYS.items()}


@click.group()
def key() -> None:
    """Keys and their holders: make one, hand one over, let one sign."""


@key.command("new")
@click.argument("name")
@click.option("--holder", required=True, help="Who holds it, e.g. your name.")
@passphrase_option
@command_options
@reporting
def new(app: App, name: str, holder: str) -> None:
    """Make a key NAME (e.g. scripts-4) in your own vault; its public half goes to whoever holds the organisation's."""
    home = organisation_home(app)
    KeyDirectory(home.vault, ask_passphrase(app, "Passphrase of your vault", new=not home.vault.exists())).create(
        name, holder=holder
    )
    public = home.vault / f"{name}.pub"
    done(app, f"Made {name}. Hand over {public}; it is no secret, but it must be yours that arrives.", {"public": str(public)})


@key.command("move")
@click.argument("names", nargs=-1, required=True)
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, file_okay=False), help="The holder's vault.")
@click.option("--holder", default="", help="Who holds it from now on.")
@click.option(
    "--new-passphrase-file", type=click.Path(path_type=Path, dir_okay=False), help="The holder's passphrase, instead of asking."
)
@passphrase_option
@command_options
@reporting
def move(app: App, names: tuple[str, ...], target: Path, holder: str, new_passphrase_file: Path | None) -> None:
    """Hand keys of this vault over to their holder's own vault (a disk of theirs). They are gone from here afterwards."""
    home = organisation_home(app)
    home.load()
    vault = KeyDirectory(home.vault, ask_passphrase(app, VAULT))
    if new_passphrase_file is not None:
        passphrase = read_passphrase(new_passphrase_file)
    else:
        app.passphrase_file = None  # the vault's is not the holder's
        passphrase = ask_passphrase(app, "The holder's own passphrase", new=not target.exists())
    for name in names:
        half = vault.public(name)
        rotation.move_key(vault, name, KeyDirectory(target, passphrase), holder=holder)
        if half is not None:
            rotation.note_holder(home, read_public(target / f"{name}.pub"))
    done(app, f"{', '.join(names)} lie in {target} now, and here no more.", {"moved": list(names), "to": str(target)})


@key.command("trust")
@click.argument("role", type=click.Choice(OFFLINE))
@click.argument("public", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--replace", default="", help="The key that may sign no more: its name, holder or id (handrail org show).")
@click.option("--threshold", type=click.IntRange(1, 9), help="How many different keys must sign from now on.")
@passphrase_option
@command_options
@reporting
def trust(app: App, role: str, public: Path | None, replace: str, threshold: int | None) -> None:
    """Let the key in the file PUBLIC (*.pub) sign for ROLE, beside the others or in the place of one; or change the threshold."""
    if public is None and not replace and threshold is None:
        raise click.UsageError("Give a public key, --replace, or --threshold.")
    home = organisation_home(app)
    home.load()
    half = read_public(public) if public is not None else None
    vault = KeyDirectory(home.vault, ask_passphrase(app, VAULT))
    changed = rotation.trust_key(home, vault, role, half, replace=replace, threshold=threshold, wall=now())
    done(app, f"The keys of {role} are changed.", {"role": role, "missing_signatures": dict(changed.missing)})
    _tell(app, changed)


@click.command()
@click.argument("what", type=click.Choice([*CAS, LOGIN_KEY, *rotation.ONLINE, *OFFLINE]))
@click.option("--key", "name", default="", help="Which key of the role (root, targets, scripts, agent, policy, revocation).")
@click.option("--revoke", is_flag=True, help="technician-ca, device-ca: refuse what the old key issued, at once (it was stolen).")
@click.option(
    "--signer-passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The signer's passphrase.",
)
@passphrase_option
@command_options
@reporting
def rotate(app: App, what: str, name: str, revoke: bool, signer_passphrase_file: Path | None) -> None:
    """Put a new key in the place of an old one: of the signer (device-ca, technician-ca, login, snapshot, timestamp) or of the
    vault (--key NAME)."""
    if (what in OFFLINE) != bool(name):
        raise click.UsageError("Give --key NAME for a role of the vault, and only there.")
    if revoke and what not in CAS:
        raise click.UsageError("--revoke goes with technician-ca and device-ca.")
    home = organisation_home(app)
    home.load()
    vault = KeyDirectory(home.vault, ask_passphrase(app, VAULT))
    if what in OFFLINE:
        fresh, changed = rotation.rotate_role(home, vault, what, name, now())
        done(
            app, f"{fresh} signs for {what} in the place of {name}.", {"key": fresh, "missing_signatures": dict(changed.missing)}
        )
        _tell(app, changed)
        return
    if signer_passphrase_file is not None:
        passphrase = read_passphrase(signer_passphrase_file)
    else:
        passphrase = ask_passphrase(app, "Passphrase of the signer")
    _rotate_signer(app, home, vault, KeyDirectory(home.signer_keys, passphrase), what, revoke=revoke)


def _rotate_signer(
    app: App, home: OrganisationHome, vault: KeyDirectory, signer: KeyDirectory, what: str, *, revoke: bool
) -> None:
    missing: dict[str, int] = {}
    if what in CAS:
        old = rotation.rotate_ca(home, vault, signer, CAS[what], now())
        if revoke:
            missing["revocation"] = lists.revoke_key(open_spool(home), [old.hex()], role_signers(vault, "revocation"), now())
        text = "What the old key issued is refused." if revoke else "What the old key issued holds until it expires."
    elif what == LOGIN_KEY:
        text = f"It is good until {day(rotation.rotate_login(home, vault, signer, now()))}."
    else:
        missing.update(rotation.rotate_online(home, vault, signer, what, now()).missing)
        text = "The signer takes it with a new root."
    done(app, f"{what} has a new key. {text} Restart `handrail signer`.", {"rotated": what, "missing_signatures": missing})
    _tell(app, rotation.Changed(missing))


def _tell(app: App, changed: rotation.Changed) -> None:
    for role, missing in changed.missing.items():
        tell_missing(app, role, missing)
