"""`handrail files`: look into the folders of a device, take files from it and put files there, without a browser."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from hostio.exit_codes import ExitCode
from protocol.capabilities import Capability
from protocol.messages.files import Conflict, FileEntry
from protocol.transfer import shown
from technician_client.carrying import Carried, Carrier, Job, get_jobs, put_jobs
from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.connect import open_named, tell_receipt
from technician_client.cli.cuts import over_cuts
from technician_client.cli.names import complete_device
from technician_client.cli.output import Output, count, inert
from technician_client.errors import SessionLost
from technician_client.link import RelayClient
from technician_client.sessions import Session
from technician_client.transfers import list_whole

R = TypeVar("R")
REFRESH_SECONDS = 0.2
KINDS = {"folder": "folder", "link": "link, not followed", "other": "special", "file": ""}


def remote_path(words: str) -> bytes:
    """A path on the device as a person types it: below the user's home, "~/" may stand in front.

    Raises:
        UsageError: it begins with a slash.
    """
    path = words.removeprefix("~/") if words != "~" else ""
    if path.startswith("/"):
        raise click.UsageError(f"{words}: paths on the device begin in the user's home; leave the slash away.")
    return os.fsencode("" if path == "." else path.rstrip("/"))


def conflict_of(replace: bool, rename: bool, skip: bool) -> Conflict:
    """What to do with a name that is taken.

    Raises:
        UsageError: more than one was said.
    """
    if replace + rename + skip > 1:
        raise click.UsageError("Say one of --replace, --rename and --skip.")
    return "replace" if replace else "rename" if rename else "skip" if skip else "ask"


async def through_sessions(app: App, words: str, reason: str, wanted: Capability, work: Callable[[Session], Awaitable[R]]) -> R:
    """Do `work` in a session, and again in the one that goes on when the network cuts it; it must know how far it has come.

    Raises:
        HandrailError: as `open_named`, `resume` and `work`.
    """
    settings, output = app.settings(), app.output
    async with RelayClient(app.keys(settings), settings) as relay:
        session = await open_named(app, relay, words, reason, (wanted,))
        return await over_cuts(
            output, relay, session, work, because="files moved", ended=lambda session: tell_receipt(output, session), events=False
        )


class Bars:
    """Progress bars on stderr for what is being moved, a line of JSON for what has ended."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._ended: list[Carried] = []
        self._bars: dict[Job, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=output.err,
            transient=True,
        )

    async def show(self, carrier: Carrier, session: Session) -> None:
        """Run the carrier, showing how far it has come. Raises as `Carrier.run`."""

        async def refresh() -> None:
            while True:
                self._refresh(carrier.running)
                await asyncio.sleep(REFRESH_SECONDS)

        with self._progress:
            async with asyncio.TaskGroup() as group:
                refreshing = group.create_task(refresh())
                lost: SessionLost | None = None
                try:
                    await carrier.run(session)
                except SessionLost as error:
                    lost = error
                finally:
                    refreshing.cancel()
        if lost is not None:
            raise lost

    def _refresh(self, running: list[Job]) -> None:
        for job in running:
            transfer = job.transfer
            if transfer is None or not transfer.size:
                continue
            if job not in self._bars:
                self._bars[job] = self._progress.add_task(inert(job.name)[-40:], total=transfer.size)
            self._progress.update(self._bars[job], total=transfer.size, completed=transfer.done)

    def ended(self, job: Job, how: Carried) -> None:
        """One file is over."""
        bar = self._bars.pop(job, None)
        if bar is not None:
            self._progress.remove_task(bar)
        self._ended.append(how)
        if self._output.as_json:
            document: dict[str, Any] = {"event": "file", "name": how.name, "outcome": how.outcome, "path": how.path}
            self._output.json(document | {"size": how.size, "sha256": how.sha256, "text": how.text})
        elif how.outcome == "done":
            self._output.text(f"{how.name} -> {how.path}" if how.name != how.path else how.name)
        else:
            self._progress.console.print(Text(inert(f"{how.name}: {how.outcome}. {how.text}"), style="yellow"), soft_wrap=True)

    def total(self, started: float) -> ExitCode:
        """Say how all of it went."""
        good = [how for how in self._ended if how.good]
        size = sum(how.size for how in good)
        seconds = max(time.monotonic() - started, 1e-3)
        self._output.progress(f"{count(len(good), 'file or folder')}, {size} bytes in {seconds:.1f} s.", style="")
        if any(how.outcome == "differs" for how in self._ended):
            return ExitCode.TRUST
        return ExitCode.OK if len(good) == len(self._ended) else ExitCode.FAILED


def entry_document(entry: FileEntry) -> dict[str, object]:
    """An entry as `--json` shows it: `name` as people read it, `bytes` its bytes in hexadecimal."""
    document = {"name": shown(entry.name), "bytes": entry.name.hex(), "kind": entry.kind, "size": entry.size}
    return {**document, "mtime": entry.mtime, "mode": f"{entry.mode:03o}"}


@click.group(
    epilog="\b\nExamples:\n  handrail files ls till-3 Documents\n  handrail files get till-3 Documents/report.odt --to .\n"
    "  handrail files put till-3 driver.deb printers --to Downloads"
)
def files() -> None:
    """Look into the folders of a device, take files from it, put files there.

    The person there is asked. Paths begin in their home. After a cut the command goes on by itself, or when it is
    called again.
    """


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--reason", default="", help="One line that the person there reads before answering.")(function)
    return passphrase_option(command_options(function))


def _conflicts(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option("--skip", is_flag=True, help="Leave files alone whose name is taken.")(function)
    function = click.option("--rename", is_flag=True, help="Give a file whose name is taken a number.")(function)
    return click.option("--replace", is_flag=True, help="Write over files whose name is taken.")(function)


@files.command()
@click.argument("device", metavar="CODE|DEVICE", shell_complete=complete_device)
@click.argument("path", default="")
@_common
@reporting
def ls(app: App, device: str, path: str, reason: str) -> None:
    """What is in a folder of the device (default: the user's home)."""
    where = remote_path(path)
    entries = run_async(through_sessions(app, device, reason, Capability.FILES_OUT, lambda session: list_whole(session, where)))
    if app.output.as_json:
        app.output.json({"path": shown(where), "entries": [entry_document(entry) for entry in entries]})
        return
    rows = [
        [shown(entry.name), KINDS[entry.kind] or entry.size, time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.mtime))]
        for entry in entries
    ]
    app.output.table("", ["name", "size", "changed"], rows)


@files.command()
@click.argument("device", metavar="CODE|DEVICE", shell_complete=complete_device)
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="The folder here to put them into (default: this one).",
)
@_conflicts
@_common
@reporting
def get(app: App, device: str, paths: tuple[str, ...], to: Path, replace: bool, rename: bool, skip: bool, reason: str) -> int:
    """Take files and folders from the device. Programs arrive without the right to be run."""
    remotes, conflict = [remote_path(path) for path in paths], conflict_of(replace, rename, skip)
    bars, started = Bars(app.output), time.monotonic()
    carriers: list[Carrier] = []

    async def work(session: Session) -> None:
        if not carriers:
            carriers.append(Carrier(await get_jobs(session, session.device, remotes, to, conflict), bars.ended))
        await bars.show(carriers[0], session)

    run_async(through_sessions(app, device, reason, Capability.FILES_OUT, work))
    return bars.total(started)


@files.command()
@click.argument("device", metavar="CODE|DEVICE", shell_complete=complete_device)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--to", default="", help="The folder there to put them into (default: the user's home).")
@_conflicts
@_common
@reporting
def put(app: App, device: str, paths: tuple[Path, ...], to: str, replace: bool, rename: bool, skip: bool, reason: str) -> int:
    """Put files and folders on the device."""
    bars, started = Bars(app.output), time.monotonic()
    jobs = put_jobs(list(paths), remote_path(to), conflict_of(replace, rename, skip))
    carrier = Carrier(jobs, bars.ended)
    run_async(through_sessions(app, device, reason, Capability.FILES_IN, lambda session: bars.show(carrier, session)))
    return bars.total(started)
