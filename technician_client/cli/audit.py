"""`handrail audit`: hold what a device recorded against what was witnessed, and explain the first record that does not fit."""

from pathlib import Path

import click

from hostio.private_files import PrivateFileError
from protocol.audit import moment
from protocol.audit_export import Verdict, check
from technician_client.cli.app import App, command_options, reporting
from technician_client.cli.output import count
from technician_client.errors import Ambiguous, NotFound, NotSetUp
from technician_client.identity import read_record
from technician_client.organisation.record import OrganisationHome
from technician_client.receipts import check_kept, kept_words, witnesses
from technician_client.settings import Settings
from technician_client.verdicts import device_claims


@click.group()
def audit() -> None:
    """Check what devices recorded: edited, deleted, reordered, cut short, rolled back."""


@audit.command(
    epilog="\b\nExamples:\n  handrail audit verify till-3.audit      (made by: handrail-agent audit export till-3.audit)\n"
    "  handrail audit verify --device till-3"
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--device", help="Hold the checkpoints of this device (id or label) that are kept here against each other.")
@command_options
@reporting
def verify(app: App, file: Path | None, device: str | None) -> None:
    """Check an exported audit FILE, or what is kept here of a device. Exit code 7: something does not fit, and the text says
    which record is the first."""
    if (file is None) == (device is None):
        raise click.UsageError("Give an exported FILE, or --device.")
    settings = app.settings()
    if file is not None:
        _verify_file(app, settings, file)
    elif device is not None:
        _verify_device(app, settings, device)


def _verify_file(app: App, settings: Settings, file: Path) -> None:
    kept = settings.receipts_directory
    try:
        with file.open("rb") as lines:
            verdict = check(lines, root_der=_root(settings), witnesses=lambda device: witnesses(kept, device))
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {file}.") from error
    except OSError as error:
        raise PrivateFileError(f"{file} cannot be read: {error.strerror or error}.") from error
    claims = device_claims(verdict.identity)
    if app.output.as_json:
        app.output.json(
            {
                "device": verdict.identity.peer,
                "label": claims.label,
                "whole": verdict.whole,
                "records": verdict.records,
                "signed_at": moment(verdict.checkpoint.at),
                "witnesses": verdict.agreed,
                "newer_witnesses": verdict.newer,
            }
        )
    app.output.text(f"{claims.label} ({verdict.identity.peer}) signed for this on {moment(verdict.checkpoint.at)}.")
    for line in _sentences(verdict):
        app.output.text(line)


def _sentences(verdict: Verdict) -> list[str]:
    records = count(verdict.records, "record")
    if verdict.whole:
        said = [f"{records}: the whole chain, in order and unchanged."]
    else:
        said = [
            f"{records}: each belongs to its chain of {verdict.checkpoint.sequence} and is unchanged. Whether others belong to "
            "the session as well, only the whole chain shows."
        ]
    if verdict.agreed:
        said.append(f"{count(verdict.agreed, 'checkpoint')} kept here agree: nothing before them was changed since.")
    else:
        said.append("No checkpoint kept here speaks for it: the device could have written it anew before this export.")
    if verdict.newer:
        said.append(f"{count(verdict.newer, 'checkpoint')} kept here are newer than this file: ask for a new export.")
    return said


def _verify_device(app: App, settings: Settings, device: str) -> None:
    directory = settings.receipts_directory
    peer, label = _find(directory, device)
    kept = check_kept(directory, peer)
    if not kept:
        raise NotFound(f"No checkpoint of {label} is kept here: its sessions ended without one.")
    newest = max(kept, key=lambda checkpoint: checkpoint.sequence)
    if app.output.as_json:
        document = {"device": peer, "label": label, "checkpoints": len(kept), "records": newest.sequence}
        app.output.json({**document, "signed_at": moment(newest.at)})
    app.output.text(
        f"{label} ({peer}): {count(len(kept), 'checkpoint')}, each signed by it and continuing the one before; "
        f"{count(newest.sequence, 'record')} by {moment(newest.at)}."
    )
    app.output.text("The records themselves: handrail-agent audit export FILE there, then handrail audit verify FILE here.")


def _find(directory: Path, device: str) -> tuple[str, str]:
    found = {words.device: words.label for _, words in kept_words(directory)}
    if device in found:
        return device, found[device]
    named = [(peer, label) for peer, label in found.items() if label.casefold() == device.casefold()]
    if not named:
        raise NotFound(f"Nothing is kept here of a device {device!r}: no session with it has ended on this computer.")
    if len(named) > 1:
        peers = [peer for peer, _ in named]
        raise Ambiguous(f"{len(named)} devices are called {device!r}; give the id: {', '.join(peers)}", candidates=peers)
    return named[0]


def _root(settings: Settings) -> bytes:
    """The organisation's root certificate, of the technician or the administrator who works here."""
    try:
        return read_record(settings.identity_directory).root
    except NotSetUp:
        home = OrganisationHome(settings.organisation_directory)
        if not home.exists():
            raise
        return home.load().root
