"""`handrail recordings`: list, look at, export and remove what was recorded on this computer."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from technician_client.cli.app import App, command_options, passphrase_option, reporting
from technician_client.cli.devices import rfc3339
from technician_client.cli.names import complete_recording
from technician_client.cli.output import Output, count
from technician_client.cli.progress import progress_bar
from technician_client.recordings.export import export as export_video
from technician_client.recordings.names import find
from technician_client.recordings.reader import Player, Recording
from technician_client.recordings.store import Kept, kept, look, recordings_key, remove


@click.group()
def recordings() -> None:
    """List, look at, export and remove recordings of sessions.

    They are sealed with your key, so each command unlocks it.
    """


def recording_document(row: Kept) -> dict[str, object]:
    """A recording as `--json` shows it."""
    meta = row.meta
    return {
        "name": row.name,
        "file": str(row.path),
        "size": row.size,
        "seconds": row.seconds,
        "end": row.end or None,
        "fault": row.fault or None,
        "session": meta.session if meta else None,
        "device": meta.device if meta else None,
        "label": meta.label if meta else None,
        "technician": meta.technician if meta else None,
        "started_at": rfc3339(meta.started_at) if meta else None,
    }


def clock(seconds: float) -> str:
    """As h:mm:ss."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _key(app: App) -> bytes:
    return recordings_key(app.keys(app.settings()).key)


@recordings.command(
    "list", epilog="\b\nExamples:\n  handrail recordings list\n  handrail recordings list --json | jq '.recordings[].name'"
)
@passphrase_option
@command_options
@reporting
def list_recordings(app: App) -> None:
    """List the recordings of this computer, the newest first."""
    rows = kept(app.settings().recordings_directory, _key(app))
    if app.output.as_json:
        app.output.json({"recordings": [recording_document(row) for row in rows]})
        return
    cells: list[list[object]] = []
    for row in rows:
        label, when = (row.meta.label, rfc3339(row.meta.started_at)) if row.meta else ("", "")
        note = row.fault or ("cut short" if not row.end else "" if row.end == "technician" else row.end.replace("_", " "))
        cells.append([row.name, label, when, clock(row.seconds), f"{row.size / 1e6:.1f} MB", note])
    app.output.table("", ["name", "device", "when", "length", "size", "note"], cells, whole=("name",))
    app.output.progress(f"{count(len(rows), 'recording')}. Play them in the console: handrail console")


@recordings.command(
    epilog="\b\nExamples:\n  handrail recordings info 20261121-120000-till-3\n  handrail recordings info here.hrrec --json"
)
@click.argument("name", shell_complete=complete_recording)
@passphrase_option
@command_options
@reporting
def info(app: App, name: str) -> None:
    """Tell what a recording holds, playing it once from beginning to end. NAME is from the list, or a file."""
    path, key = find(app.settings().recordings_directory, name), _key(app)
    row = look(path, key)
    with Recording(path, key) as recording, progress_bar(app.output, "Playing") as tell:
        player, updates, sizes = Player(recording), 0, set[str]()
        while (following := player.next_time) is not None:
            seen = player.advance(following / 1e6)
            updates += bool(seen.areas)
            if player.layout is not None:
                sizes.add(f"{player.layout.width}x{player.layout.height}")
            tell(following / 1e6 / max(recording.seconds, 1e-6))
    document = {**recording_document(row), "changes": updates, "sizes": sorted(sizes), "not_painted": player.skipped}
    if app.output.as_json:
        app.output.json(document)
        return
    for word, value in document.items():
        if value not in (None, [], ""):
            shown = ", ".join(value) if isinstance(value, list) else value
            app.output.text(f"{word.replace('_', ' ')}: {shown}")


@contextmanager
def _stopped_by_interrupt(cancel: threading.Event) -> Iterator[None]:
    """While inside, Ctrl-C sets `cancel` (where signals reach us)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hear(_number: int, _frame: FrameType | None) -> None:
        cancel.set()

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@recordings.command(
    epilog="\b\nExamples:\n  handrail recordings export 20261121-120000-till-3\n"
    "  handrail recordings export 20261121-120000-till-3 -o ticket-481.mp4"
)
@click.argument("name", shell_complete=complete_recording)
@click.option(
    "-o", "--output", "target", type=click.Path(path_type=Path, dir_okay=False), help="The file (default: NAME.mp4 here)."
)
@passphrase_option
@command_options
@reporting
def export(app: App, name: str, target: Path | None) -> None:
    """Write a recording as a standard video file (MP4, H.264). Ctrl-C stops it and leaves no file behind."""
    path, key = find(app.settings().recordings_directory, name), _key(app)
    file = target or Path(f"{path.stem}.mp4")
    cancel = threading.Event()
    with Recording(path, key) as recording, _stopped_by_interrupt(cancel), progress_bar(app.output, "Exporting") as tell:
        frames = export_video(recording, file, on_progress=tell, cancel=cancel)
    _tell_file(app.output, file, frames)


def _tell_file(output: Output, file: Path, frames: int) -> None:
    size = file.stat().st_size
    if output.as_json:
        output.json({"file": str(file), "frames": frames, "size": size})
    output.text(f"{file}: {count(frames, 'frame')}, {size / 1e6:.1f} MB. It is not sealed: whoever has the file can watch it.")


@recordings.command("remove", epilog="\b\nExamples:\n  handrail recordings remove 20261121-120000-till-3")
@click.argument("names", nargs=-1, required=True, shell_complete=complete_recording)
@command_options
@reporting
def remove_recordings(app: App, names: tuple[str, ...]) -> None:
    """Delete recordings. What was exported stays."""
    directory = app.settings().recordings_directory
    paths = [find(directory, name) for name in names]
    for path in paths:
        remove(path)
    if app.output.as_json:
        app.output.json({"removed": [path.stem for path in paths]})
    app.output.text(f"Deleted: {', '.join(path.stem for path in paths)}")
