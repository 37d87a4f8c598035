"""`handrail connect`: help somebody, in the console or without a browser."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from hostio.exit_codes import ExitCode
from hostio.private_files import PrivateFileError
from hostio.tasks import Supervisor
from protocol import codes
from protocol.agent_session import WHY_PAUSED
from protocol.capabilities import RULES, Capability
from protocol.errors import RefusalReason, Refused
from protocol.messages.chat import ChatMessage
from protocol.messages.colleagues import InviteNotes, People, Person
from protocol.messages.session import CapabilityGranted, CapabilityRevoked, Paused
from protocol.session import SessionEnded
from technician_client.addressing import parse_code
from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.console import run_console
from technician_client.cli.cuts import over_cuts
from technician_client.cli.names import complete_device
from technician_client.cli.output import Output
from technician_client.cli.recording import TerminalRecording, demand_recording_file
from technician_client.cli.targets import one_device, show_progress
from technician_client.console.ports import Target
from technician_client.console.server import FirstSession
from technician_client.errors import SessionLost
from technician_client.known import KnownDevices
from technician_client.link import RelayClient
from technician_client.recordings.names import new_path
from technician_client.resuming import resumable
from technician_client.screenshot import png, take_picture
from technician_client.sessions import Session

DEFAULT_WANTED = (
    Capability.VIEW,
    Capability.CHAT,
    Capability.DIAGNOSTICS,
    Capability.POINTER,
    Capability.CONTROL,
    Capability.FIXES,
    Capability.COLLEAGUES,
)
PICTURE_SECONDS = 30.0


def session_document(session: Session) -> dict[str, object]:
    """An open session as `--json` shows it."""
    return {
        "event": "open",
        "session": session.session_id,
        "device": session.device,
        "label": session.label,
        "group": session.group,
        "sas": session.sas,
        "by_code": session.by_code,
        "granted": sorted(capability.value for capability in session.opened_with),
        "seconds": session.seconds,
        "unattended": session.unattended,
        "resumed": session.resumed,
        "after_restart": session.after_restart,
    }


def for_guests(code: str | None, wanted: tuple[Capability, ...]) -> tuple[Capability, ...]:
    """What to ask for: of the usual things a guest is not asked for those that it never grants."""
    parsed = codes.parse_code(code or "")
    if parsed is None or not parsed.guest or wanted != DEFAULT_WANTED:
        return wanted
    return tuple(capability for capability in wanted if RULES[capability].guest)


async def open_named(
    app: App, relay: RelayClient, words: str, reason: str, wanted: tuple[Capability, ...], after_restart: float = 0.0
) -> Session:
    """Open a session by code or device, with progress on stderr.

    Raises:
        HandrailError: as `Session.open`.
    """
    known = KnownDevices(relay.settings.known_devices_file)
    code = parse_code(words)
    wanted = for_guests(code, wanted)
    device = None if code else (await one_device(relay, words)).id
    progress = show_progress(app.output)
    if app.step_up is not None:
        await app.step_up.satisfy(wanted, app.prompt())
    return await Session.open(
        relay,
        code=code,
        device=device,
        wanted=wanted,
        reason=reason,
        on_progress=progress,
        accept=known.remember,
        after_restart=after_restart,
    )


async def connect_in_terminal(
    app: App,
    words: str,
    reason: str,
    wanted: tuple[Capability, ...],
    after_restart: float = 0.0,
    record: Path | None = None,
) -> ExitCode:
    """Open a session, tell what happens in it, go on with it when the network cut it, and end it on Ctrl-C."""
    settings = app.settings()
    keys = app.keys(settings)
    async with RelayClient(keys, settings) as relay, Supervisor() as supervisor:
        session = await open_named(app, relay, words, reason, wanted, after_restart)
        if record is None and Capability.RECORDING in session.opened_with - set(wanted):
            app.output.progress("The organisation's policy demands that this session is recorded.")
            record = new_path(settings.recordings_directory, session.label, datetime.now(UTC).timestamp())
        recording = None if record is None else TerminalRecording(app.output, settings, keys, supervisor, record)
        last = session

        async def part(session: Session) -> None:
            nonlocal last
            last = session
            try:
                _show_open(app.output, session)
                await _listen(app.output, session, recording)
                raise session.loss()
            finally:
                if recording is not None:
                    recording.lost() if resumable(session) else recording.over()

        try:
            await over_cuts(app.output, relay, session, part, ended=lambda session: tell_receipt(app.output, session))
        except SessionLost:
            if resumable(last):
                raise  # it was cut and could not go on; any other end is told below
        ended = await last.end()
        if recording is not None:
            await recording.finished()
    if app.output.as_json:
        app.output.json({"event": "end", "reason": ended.reason, "clean": ended.clean, "by_peer": ended.by_peer})
    app.output.text(last.end_text)
    return ExitCode.OK if ended.clean else ExitCode.FAILED


async def _listen(output: Output, session: Session, recording: TerminalRecording | None) -> None:
    """Until the session ends."""
    kinds = (ChatMessage, People, InviteNotes, Paused, CapabilityGranted, CapabilityRevoked, SessionEnded)
    with session.subscribe(*(() if recording is not None else kinds)) as items:
        if recording is not None:
            recording.begin(session)
        async for item in items:
            _show_item(output, item)
            if recording is not None:
                await recording.take(item)


def _show_open(output: Output, session: Session) -> None:
    if output.as_json:
        output.json(session_document(session))
    granted = ", ".join(sorted(capability.value for capability in session.opened_with)) or "nothing"
    output.text(f"{'It goes on. ' if session.resumed else ''}You may: {granted}. Ctrl-C ends the session.")
    if session.after_restart:
        output.text(f"After a restart you may come back once, within {session.after_restart / 60:.0f} min.")


def _show_item(output: Output, item: object) -> None:
    document: dict[str, object] | None = None
    match item:
        case ChatMessage(text=text, name=name):
            document = {"event": "chat", "text": text, "name": name}
            output.text(f"{name or 'They'} {'says' if name else 'say'}: {text}")
        case People(people=people, called=called):
            document = {
                "event": "people",
                "people": [
                    {"name": one.name, "tier": one.tier, "granted": sorted(one.granted), "lost_at": one.lost_at}
                    for one in people
                    if not one.you
                ],
                "called": called,
            }
            output.text(_who_is_there(item))
        case InviteNotes(name=name, note=note, enough=enough):
            document = {"event": "notes", "name": name, "note": note, "enough": enough}
            asked = f"asked for help here: {note or '(no note)'}" if enough else "asked for a higher tier than yours here."
            output.text(f"{name} {asked}")
        case Paused(paused=paused, by=by):
            document = {"event": "paused", "paused": paused, "by": by}
            output.text(f"Paused: {WHY_PAUSED.get(by, by)}." if paused else "Going on.")
        case CapabilityGranted(capability=capability):
            document = {"event": "granted", "capability": capability.value}
            output.text(f"You may now: {capability.value}.")
        case CapabilityRevoked(capability=capability, by=by):
            document = {"event": "revoked", "capability": capability.value, "by": by}
            output.text(f"You may no longer: {capability.value} ({by}).")
        case _:
            pass
    if document is not None and output.as_json:
        output.json(document)


def _doing(one: Person) -> str:
    if one.lost_at:
        return f", reconnecting since {datetime.fromtimestamp(one.lost_at).astimezone():%H:%M:%S}"
    return ", mouse and keyboard" if Capability.CONTROL in one.granted else ""


def _who_is_there(said: People) -> str:
    others = [f"{one.name} (tier {one.tier}{_doing(one)})" for one in said.people if not one.you]
    here = f"Also here: {', '.join(others)}." if others else "Nobody else is here."
    return f"{here} A technician of tier {said.called} is called." if said.called else here


def tell_receipt(output: Output, session: Session) -> None:
    """Where the receipt of a session was kept, and what was wrong with it."""
    if session.kept is not None:
        output.progress(f"Receipt: {session.kept.path}")
        if session.kept.fault:
            output.warning(session.kept.fault)


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise PrivateFileError(f"{file} cannot be written: {error.strerror or error}.") from error


async def take_screenshot(app: App, words: str, reason: str, file: Path) -> None:
    """Open a session that may watch, write one exact picture, and end it.

    Raises:
        PrivateFileError: the file cannot be written. Refused: policy demands that whoever sees this display records it.
    """
    settings = app.settings()
    async with RelayClient(app.keys(settings), settings) as relay:
        session = await open_named(app, relay, words, reason, (Capability.VIEW,))
        try:
            if Capability.RECORDING in session.opened_with:
                raise Refused(
                    "The organisation's policy demands that a session in which this display is seen is recorded, and a picture "
                    f"records nothing: none was taken. Record one with `handrail connect {words} --record FILE` instead.",
                    reason=RefusalReason.POLICY,
                )
            app.output.progress("Waiting for an exact picture ...")
            picture = await take_picture(session, seconds=PICTURE_SECONDS)
        finally:
            await session.end("screenshot taken")
            tell_receipt(app.output, session)
    height, width = picture.pixels.shape[:2]
    await asyncio.to_thread(_write, file, png(width, height, picture.rows()))
    document = {"event": "screenshot", "file": str(file), "width": width, "height": height}
    if app.output.as_json:
        taken = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        app.output.json({**session_document(session), **document, "taken_at": taken})
    app.output.text(f"{file}: {width} x {height}, exact")


async def connect_in_console(
    app: App,
    words: str,
    reason: str,
    wanted: tuple[Capability, ...],
    port: int,
    open_it: bool,
    after_restart: float = 0.0,
    record: Path | None = None,
) -> None:
    """Serve the console with this session as its first. Code and SAS are dealt with there."""
    code = parse_code(words)
    label = ""
    if code is None:
        settings = app.settings()
        async with RelayClient(app.keys(settings), settings) as relay:
            row = await one_device(relay, words)
        target, label = Target(device=row.id, after_restart=after_restart), row.label
    else:
        target, wanted = Target(code=code, after_restart=after_restart), for_guests(code, wanted)
    _ = app.keys(app.settings())
    if app.step_up is not None:
        await app.step_up.satisfy(wanted, app.prompt())
    await run_console(app, port, open_it, FirstSession(target, wanted, reason, label, record))


@click.command(
    epilog="\b\nExamples:\n  handrail connect 482 913 507\n  handrail connect 482 913 507-ABCD EFGH\n"
    "  handrail connect till-3 --reason 'The printer is on fire'\n"
    "  handrail connect till-3 --no-browser --want view --want chat\n  handrail connect till-3 --screenshot till-3.png\n"
    "  handrail connect till-3 --record ticket-481.hrrec"
)
@click.argument("words", nargs=-1, required=True, metavar="CODE|DEVICE", shell_complete=complete_device)
@click.option("--reason", default="", help="One line that the person there reads before answering.")
@click.option(
    "--want",
    "wanted",
    multiple=True,
    type=click.Choice([capability.value for capability in Capability]),
    help="Ask for this; may be given more than once (default: view, chat, diagnostics, pointer, control, fixes, colleagues).",
)
@click.option("--after-restart", is_flag=True, help="Also ask to be let back in once, without a question, after a restart.")
@click.option(
    "--after-restart-minutes",
    type=click.IntRange(1, 60),
    default=15,
    show_default=True,
    help="Within how many minutes after the restart.",
)
@click.option("--no-browser", is_flag=True, help="Stay in the terminal.")
@click.option("--no-open", is_flag=True, help="Serve the console but do not open a browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The console's port on 127.0.0.1.")
@click.option(
    "--screenshot",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write one exact picture of the display to this PNG file and end.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Record the session to this file from its beginning. The person there is asked, and sees it.",
)
@passphrase_option
@command_options
@reporting
def connect(
    app: App,
    words: tuple[str, ...],
    reason: str,
    wanted: tuple[str, ...],
    no_browser: bool,
    no_open: bool,
    port: int,
    screenshot: Path | None,
    record: Path | None,
    after_restart: bool,
    after_restart_minutes: int,
) -> int | None:
    """Help somebody: open a session by the CODE they read out, or with a DEVICE (id, label, or the beginning of either).

    The person there is asked. When a code of nine digits led to them, compare the six digits on both screens before you go on. A
    code with letters leads to a guest, a computer that is not enrolled: type all of it.
    """
    said = " ".join(words)
    asked = tuple(Capability(name) for name in wanted) or DEFAULT_WANTED
    back = 60.0 * after_restart_minutes if after_restart else 0.0
    if screenshot is not None:
        run_async(take_screenshot(app, said, reason, screenshot))
        return None
    if record is not None:
        record = demand_recording_file(record)
        asked = tuple(dict.fromkeys((*asked, Capability.VIEW, Capability.RECORDING)))
    if no_browser:
        return run_async(connect_in_terminal(app, said, reason, asked, back, record))
    run_async(connect_in_console(app, said, reason, asked, port, not no_open, back, record))
    return None
