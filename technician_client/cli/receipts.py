"""`handrail receipts`: what is kept of past sessions on this computer, to be read and handed on."""

from pathlib import Path
from typing import Final

import click

from hostio.private_files import PrivateFileError
from technician_client.cli.app import App, command_options, reporting
from technician_client.cli.devices import rfc3339
from technician_client.cli.names import complete_session
from technician_client.cli.output import count
from technician_client.errors import NotFound
from technician_client.past import document, past_session, past_sessions, to_json
from technician_client.past_words import event_words, facts, fix_words, moment, to_html, to_markdown

WRITERS: Final = {"json": to_json, "md": to_markdown, "html": to_html}


@click.group()
def receipts() -> None:
    """List, show and export what is kept of past sessions.

    The device's signed receipt, your notes, what was fixed, which files were moved, and the names of recordings. Needs no key.
    """


@receipts.command(
    "list", epilog="\b\nExamples:\n  handrail receipts list\n  handrail receipts list --device till-3 --json | jq '.receipts[0]'"
)
@click.option("--device", default="", help="Only sessions with this device (id or label).")
@command_options
@reporting
def list_receipts(app: App, device: str) -> None:
    """List past sessions, the newest first."""
    wanted = device.casefold()
    rows = [one for one in past_sessions(app.settings()) if wanted in ("", one.device.casefold(), one.label.casefold())]
    if app.output.as_json:
        keys = ("session", "device", "label", "technician", "reason", "opened_at", "ended_at", "recordings", "fault")
        app.output.json({"receipts": [{key: document(one)[key] for key in keys} for one in rows]})
        return
    cells: list[list[object]] = []
    for one in rows:
        kept = [count(len(one.fixes), "fix").replace("fixs", "fixes")] if one.fixes else []
        kept += [count(len(one.files), "file")] if one.files else []
        kept += [word for word, there in (("notes", one.note), ("recording", one.recordings), ("ATTENTION", one.fault)) if there]
        cells.append([one.session, one.label, rfc3339(one.ended_at) if one.ended_at else "", one.reason, ", ".join(kept)])
    app.output.table("", ["session", "device", "ended", "reason", "kept"], cells, whole=("session",))
    app.output.progress(f"{count(len(rows), 'session')}. `handrail receipts show SESSION` tells more.")


@receipts.command(
    epilog="\b\nExamples:\n  handrail receipts show last\n  handrail receipts show 4f21\n  handrail receipts show last --json"
)
@click.argument("session", shell_complete=complete_session)
@command_options
@reporting
def show(app: App, session: str) -> None:
    """Show one session: its name, the beginning of it, or `last`."""
    past = past_session(app.settings(), session)
    if app.output.as_json:
        app.output.json(document(past))
        return
    for name, words in facts(past):
        app.output.text(f"{name}: {words}")
    if past.fault:
        app.output.warning(past.fault)
    if past.note:
        app.output.text("\nNotes", style="bold")
        app.output.text(past.note)
    if past.fixes:
        app.output.table("Fixes", ["fix", "outcome", "what changed"], [fix_words(fix) for fix in past.fixes])
    if past.records:
        rows = [(moment(one.at), event_words(one)) for one in past.records]
        app.output.table("What happened, as the device wrote it down", ["when", "what"], rows)


@receipts.command(
    epilog="\b\nExamples:\n  handrail receipts export last -o ticket-481.md\n"
    "  handrail receipts export 4f21 -o 4f21.html\n  handrail receipts export last --format json | jq .fixes"
)
@click.argument("session", shell_complete=complete_session)
@click.option(
    "--format", "form", type=click.Choice(list(WRITERS)), help="Default: by the end of the file's name, else md (Markdown)."
)
@click.option("-o", "--output", "target", type=click.Path(path_type=Path, dir_okay=False), help="The file (default: stdout).")
@command_options
@reporting
def export(app: App, session: str, form: str | None, target: Path | None) -> None:
    """Write one session as Markdown, HTML or JSON, notes and all. A file that is there is not replaced."""
    past = past_session(app.settings(), session)
    ending = "" if target is None else target.suffix.lstrip(".").lower()
    text = WRITERS[form or (ending if ending in WRITERS else "md")](past)
    if target is None:
        app.output.raw(text)
        if app.output.as_json:
            app.output.json(document(past))
        return
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise PrivateFileError(f"{target} is there already. Choose another name.") from error
    except FileNotFoundError as error:
        raise NotFound(f"There is no directory {target.parent}.") from error
    except OSError as error:
        raise PrivateFileError(f"{target} cannot be written: {error.strerror or error}.") from error
    if app.output.as_json:
        app.output.json({"file": str(target), "session": past.session})
    app.output.text(f"{target} is written.")
