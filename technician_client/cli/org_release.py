"""`handrail org release`: releases of the agent, signed by the keys of the role `agent`."""

from pathlib import Path

import click

from technician_client.cli.app import App, command_options, passphrase_option, reporting
from technician_client.cli.org_approvals import bring_up_to_date, key_of, mail
from technician_client.cli.org_common import ask_passphrase, done, organisation_home, tell_missing
from technician_client.cli.times import now
from technician_client.organisation.approvals import one_persons_key
from technician_client.organisation.foundation import role_signers
from technician_client.organisation.mirroring import runs_signer
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.releases import add_release, read_release, withdraw_release
from technician_client.organisation.spool import Spool
from technician_client.organisation.vault import KeyDirectory

VAULT = "Passphrase of the vault"


@click.group()
def release() -> None:
    """Releases of the agent: agents verify a newer one and lay it ready, and install nothing by themselves."""


@release.command("add")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--platform", required=True, help="For which agents: system and machine, e.g. linux-x86_64.")
@click.option("--version", required=True, help="Digits and dots, higher than any before.")
@click.option("--notes", default="", help="What changed, in words.")
@click.option("--yes", is_flag=True, help="Do not ask before signing.")
@click.option("--key", "key_names", multiple=True, help="Sign with this key of the vault only.")
@passphrase_option
@command_options
@reporting
def add(app: App, file: Path, platform: str, version: str, notes: str, yes: bool, key_names: tuple[str, ...]) -> None:
    """Sign FILE as the newest release for a platform."""
    home = organisation_home(app)
    spool = bring_up_to_date(app, home)
    made, targets = read_release(file, platform=platform, version=version, notes=notes)
    app.output.progress(f"{made.file}: {made.platform} {made.version}, {made.length} bytes, sha256 {made.sha256}")
    if not yes and not click.confirm("Sign it?", err=True):
        app.output.text("Nothing was signed.")
        return
    vault = KeyDirectory(home.vault, ask_passphrase(app, VAULT))
    names = one_persons_key(spool, vault, "agent", key_names)
    missing = add_release(spool, made, targets, role_signers(vault, "agent", only=names), now())
    done(app, f"Signed {made.platform} {made.version}.", {"release": made, "missing_signatures": missing})
    _go_on(app, home, spool, vault, names, missing)


@release.command("withdraw")
@click.argument("platform")
@click.option("--key", "key_names", multiple=True, help="Sign with this key of the vault only.")
@passphrase_option
@command_options
@reporting
def withdraw(app: App, platform: str, key_names: tuple[str, ...]) -> None:
    """End the release for PLATFORM: agents that laid it ready throw it away."""
    home = organisation_home(app)
    spool = bring_up_to_date(app, home)
    vault = KeyDirectory(home.vault, ask_passphrase(app, VAULT))
    names = one_persons_key(spool, vault, "agent", key_names)
    missing = withdraw_release(spool, platform, role_signers(vault, "agent", only=names), now())
    done(app, f"No release stands for {platform}.", {"platform": platform, "missing_signatures": missing})
    _go_on(app, home, spool, vault, names, missing)


def _go_on(app: App, home: OrganisationHome, spool: Spool, vault: KeyDirectory, names: object, missing: int) -> None:
    """To the signer: by itself where it runs here, else by mail."""
    if runs_signer(home):
        tell_missing(app, "agent", missing)
    else:
        mail(app, home, spool, "agent", key_of(home, vault, "agent", list(names) if isinstance(names, list | tuple) else []))
