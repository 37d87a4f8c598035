"""`handrail org policy`: what holds on the devices of a group, signed like every decision of the organisation."""

import re
from typing import Final

import click
import msgspec

from protocol.capabilities import Capability
from protocol.documents import GroupPolicy, OrganisationPolicy
from protocol.errors import Refused
from protocol.formats import READ_SINCE, format_of
from protocol.transfer import split_path
from technician_client.cli.app import App, command_options, passphrase_option, reporting
from technician_client.cli.org_common import ask_passphrase, done, open_spool, organisation_home, tell_missing
from technician_client.cli.times import now
from technician_client.organisation import lists
from technician_client.organisation.foundation import role_signers
from technician_client.organisation.vault import KeyDirectory

LOGS: Final = "/var/log/"
# The agent compares "host:port" as it is asked for, so that an IPv6 address stands without brackets; those are a choice of signs.
_TARGET = re.compile(r"(?:[^\s:/]+|[0-9A-Fa-f:.*?]+):[0-9*?\[\]!-]+\Z")


@click.command()
@click.argument("group")
@click.option("--unattended", help='Capabilities that may be used with nobody asked, e.g. "view,control,fixes"; "" for none.')
@click.option(
    "--recording",
    type=click.Choice(["allowed", "required", "forbidden"]),
    help="Whether technicians may record sessions there, must before they see the screen, or may not.",
)
@click.option(
    "--ask-before-fixes/--no-ask-before-fixes", "consent_for_fixes", default=None, help="Ask the person before each fix."
)
@click.option(
    "--keep-transcripts/--no-keep-transcripts", default=None, help="Keep on the device what terminals print (as they are shown)."
)
@click.option(
    "--transcript-days",
    type=click.IntRange(0, 36500),
    help="How many days devices keep them at most; 0: as each device's settings say.",
)
@click.option(
    "--recording-days",
    type=click.IntRange(0, 36500),
    help="How many days recordings of these devices are kept at most; 0: as each technician's settings say.",
)
@click.option(
    "--forward-to",
    help="What may be reached through a device beyond its own loopback, as HOST:PORT with * and ?, "
    'e.g. "printer.example:443,10.0.0.*:*"; "" for nothing.',
)
@click.option(
    "--log-files",
    help='Which files below /var/log may be followed, e.g. "/var/log/*.log,/var/log/cups/*"; "" for none (the journal stays).',
)
@click.option(
    "--files-folders",
    help='Which folders below the person\'s home files may be put into and taken from, e.g. "Documents,Downloads"; "" for all.',
)
@click.option("--key", "key_names", multiple=True, help="Sign with this key of the vault only (may be given several times).")
@passphrase_option
@command_options
@reporting
def policy(
    app: App,
    /,
    group: str,
    unattended: str | None,
    forward_to: str | None,
    log_files: str | None,
    files_folders: str | None,
    key_names: tuple[str, ...],
    **plain: str | bool | int | None,
) -> None:
    """Set what holds on the devices of GROUP. What is not named stays as it is."""
    wanted: dict[str, object] = {name: value for name, value in plain.items() if value is not None}
    if unattended is not None:
        wanted["unattended"] = parse_capabilities(unattended)
    if forward_to is not None:
        wanted["forward_to"] = parse_targets(forward_to)
    if log_files is not None:
        wanted["log_files"] = parse_logs(log_files)
    if files_folders is not None:
        wanted["files_folders"] = parse_folders(files_folders)
    if not wanted:
        raise click.UsageError("Say what to change; handrail org policy --help lists what there is.")
    home = organisation_home(app)
    spool = open_spool(home)

    def change(before: OrganisationPolicy) -> OrganisationPolicy:
        rules = msgspec.structs.replace(before.groups.get(group, GroupPolicy()), **wanted)
        issued = float(int(now().timestamp()))
        return msgspec.structs.replace(before, issued=issued, groups={**before.groups, group: rules})

    signers = role_signers(KeyDirectory(home.vault, ask_passphrase(app, "Passphrase of the vault")), "policy", only=key_names)
    missing = lists.change_policy(spool, change, signers, now())
    after = lists.policy(spool)
    rules, needs = after.group(group), READ_SINCE[format_of(after)]
    told = {"group": group, "policy": rules, "missing_signatures": missing, "needs_agent": needs}
    done(app, f"Policy of {group} is set: {in_words(rules)}.", told)
    if format_of(after) > 1:
        app.output.warning(
            f"Agents older than {needs} cannot read this policy. They keep to the one before, allow less by it day by day, and "
            "nothing after 14 days: update them before that."
        )
    tell_missing(app, "policy", missing)


def in_words(rules: GroupPolicy) -> str:
    """What holds, as one line: everything that can be set here."""
    said = [
        f"unattended {', '.join(rules.unattended) or 'nothing'}",
        f"fixes are {'asked for' if rules.consent_for_fixes else 'not asked for'}",
        f"recording is {rules.recording}",
        *([f"recordings are kept{_days(rules.recording_days)}"] if rules.recording_days else []),
        f"transcripts of terminals are {f'kept{_days(rules.transcript_days)}' if rules.keep_transcripts else 'not kept'}",
        f"forwarding reaches {', '.join(['the device itself', *rules.forward_to])}",
        f"logs are {', '.join(['the journal', *rules.log_files])}",
        f"files are moved in {', '.join(rules.files_folders) or 'all of the home'}",
    ]
    return "; ".join(said)


def _days(days: int) -> str:
    return f" {days} {'day' if days == 1 else 'days'} at most" if days else ""


def parse_capabilities(text: str) -> list[Capability]:
    """A comma-separated list of capabilities.

    Raises:
        click.UsageError: an unknown name.
    """
    try:
        return [Capability(part) for part in _parts(text)]
    except ValueError as error:
        raise click.UsageError(f"{error}; there are: {', '.join(Capability)}") from error


def parse_targets(text: str) -> list[str]:
    """`--forward-to`: a comma-separated list of patterns HOST:PORT.

    Raises:
        click.UsageError: one is no such pattern.
    """
    for part in _parts(text):
        if not _TARGET.match(part) or len(part) > 200:
            raise click.UsageError(f"--forward-to {part!r}: write HOST:PORT, e.g. printer.example:443 or 10.0.0.*:*.")
    return _parts(text)


def parse_logs(text: str) -> list[str]:
    """`--log-files`: a comma-separated list of patterns of files below /var/log.

    Raises:
        click.UsageError: one lies elsewhere.
    """
    for part in _parts(text):
        if not part.startswith(LOGS) or ".." in part.split("/") or len(part) > 200:
            raise click.UsageError(f"--log-files {part!r}: it must begin with {LOGS}.")
    return _parts(text)


def parse_folders(text: str) -> list[str]:
    """`--files-folders`: a comma-separated list of folders below a home.

    Raises:
        click.UsageError: one is not below it.
    """
    folders = [part.removeprefix("~/").rstrip("/") for part in _parts(text)]
    for part, folder in zip(_parts(text), folders, strict=True):
        try:
            parts = split_path(folder.encode())
        except Refused as error:
            raise click.UsageError(f"--files-folders {part!r}: {error}") from error
        if not parts:
            raise click.UsageError(f'--files-folders {part!r}: name folders below the home, or "" for all of it.')
    return folders


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
