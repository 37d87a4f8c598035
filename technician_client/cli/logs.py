"""`handrail logs`: the log of a device, live."""

from collections import Counter
from datetime import datetime
from typing import Final

import click
import msgspec

from hostio.exit_codes import ExitCode
from protocol.capabilities import Capability
from protocol.errors import Refused
from protocol.messages.logs import LogEnded, LogFollow, LogLine, LogLines, LogListing, LogSources
from protocol.messages.session import Refusal
from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.connect import open_named
from technician_client.cli.cuts import over_cuts
from technician_client.cli.names import complete_device
from technician_client.cli.output import Output, inert
from technician_client.link import RelayClient
from technician_client.sessions import Session

PRIORITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
CATCH_UP_LINES: Final = 300
"""So many lines are asked for again after a cut; a device sends some hundred more than these at once, not a thousand."""
STYLES = {0: "bold red", 1: "bold red", 2: "bold red", 3: "red", 4: "yellow", 7: "dim"}


class Shown:
    """What was printed of a log, so that after a cut of the session what came meanwhile is, and nothing twice. Lines are told
    apart by when they were written, and those of one moment by what they say."""

    def __init__(self) -> None:
        self._any = False
        self._last = 0.0  # when the newest was written, 0 where none says so
        self._at_last: Counter[LogLine] = Counter()
        self._old: Counter[LogLine] = Counter()
        self._looking = 0  # so many lines more may have been printed before the cut
        self._gap = ""

    def again(self, wish: LogFollow, output: Output) -> LogFollow:
        """What to ask for after a cut."""
        self._gap = ""
        if not self._any and wish.lines:
            return wish
        if wish.follow and not self._last:
            output.warning("Lines that were written during the cut are not shown: nothing before it says when it was written")
            return msgspec.structs.replace(wish, lines=0)
        lines = CATCH_UP_LINES if wish.follow else wish.lines
        self._looking, self._old = lines, Counter(self._at_last)
        if wish.follow:
            self._gap = f"Lines of the cut may be missing: more than the {lines} that are looked through were written meanwhile"
        return msgspec.structs.replace(wish, lines=lines)

    def is_new(self, line: LogLine, output: Output) -> bool:
        """Whether a line is to be printed, which it then counts as."""
        if self._looking:
            self._looking -= 1
            if 0 < line.at < self._last or (line.at == self._last and self._old[line] > 0):
                self._old[line] -= 1
                self._gap = ""
                return False
            self._looking = 0
            if self._gap:
                output.warning(self._gap)
        self._any = True
        if line.at > self._last:
            self._last = line.at
            self._at_last.clear()
        if line.at == self._last:
            self._at_last[line] += 1
        return True


async def follow(session: Session, wish: LogFollow, output: Output, shown: Shown) -> bool:
    """Print lines that were not `shown` yet until there are no more (True) or the session is over (False).

    Raises:
        Refused: the device does not give them.
    """
    with session.subscribe(LogLines, LogEnded, Refusal) as items:
        session.send(wish)
        async for item in items:
            match item:
                case LogLines(request=wish.request, lines=lines, left_out=left_out):
                    if left_out:
                        output.warning(f"{left_out} lines left out: more came than may be sent")
                    for line in lines:
                        if shown.is_new(line, output):
                            show_line(output, line)
                case LogEnded(request=wish.request, text=text):
                    if text:
                        output.warning(text)
                    return True
                case Refusal(request=wish.request, reason=reason, text=text):
                    raise Refused(text or f"refused: {reason.value}", reason=reason)
                case _:
                    pass
    return False


def show_line(output: Output, line: LogLine) -> None:
    """One line of the log."""
    if output.as_json:
        output.json(msgspec.to_builtins(line))
    at = datetime.fromtimestamp(line.at).strftime("%b %d %H:%M:%S ") if line.at else ""  # noqa: DTZ006 - for the eyes here
    unit = f"{inert(line.unit)}: " if line.unit and line.at else ""
    output.text(f"{at}{unit}{inert(line.text)}", style=STYLES.get(line.priority, ""))


async def list_sources(session: Session, output: Output) -> None:
    """What can be followed."""
    request = session.next_request()
    with session.subscribe(LogListing, Refusal) as items:
        session.send(LogSources(request))
        async for item in items:
            if isinstance(item, Refusal) and item.request == request:
                raise Refused(item.text, reason=item.reason)
            if isinstance(item, LogListing) and item.request == request:
                if output.as_json:
                    output.json([msgspec.to_builtins(source) for source in item.sources])
                for source in item.sources:
                    output.text(f"{inert(source.name)}{f'  ({inert(source.why_not)})' if source.why_not else ''}")
                return


async def read_log(app: App, words: str, reason: str, wish: LogFollow, list_only: bool) -> ExitCode:
    """Open a session that may read the device's state, and show its log.

    Raises:
        HandrailError: as `Session.open` and `follow`.
    """
    settings = app.settings()
    async with RelayClient(app.keys(settings), settings) as relay:
        session = await open_named(app, relay, words, reason, (Capability.DIAGNOSTICS,))
        shown, asked, cut = Shown(), wish, False

        async def part(session: Session) -> None:
            nonlocal asked, cut
            if list_only:
                return await list_sources(session, app.output)
            if cut:
                asked = shown.again(asked, app.output)
            cut = True
            if not await follow(session, msgspec.structs.replace(asked, request=session.next_request()), app.output, shown):
                raise session.loss()
            return None

        await over_cuts(app.output, relay, session, part)
        return ExitCode.OK


@click.command(
    epilog="\b\nExamples:\n  handrail logs till-3 --follow\n  handrail logs till-3 -u ssh.service -p warning -n 500\n"
    "  handrail logs till-3 --source /var/log/syslog --grep usb --follow --json\n  handrail logs till-3 --list"
)
@click.argument("words", metavar="DEVICE|CODE", shell_complete=complete_device)
@click.option("--follow", "-f", "following", is_flag=True, help="Go on with each line that comes, until Ctrl-C.")
@click.option("--source", default="", help="journal, or a file below /var/log (default: the journal where there is one).")
@click.option("--unit", "-u", default="", help="Only this unit or program.")
@click.option("--priority", "-p", type=click.Choice(PRIORITIES), default="debug", help="Only what is at least so urgent.")
@click.option("--grep", "text", default="", help="Only lines with this in them, whatever its case.")
@click.option("--lines", "-n", type=click.IntRange(0, 1000), default=100, show_default=True, help="How many old lines first.")
@click.option("--list", "list_only", is_flag=True, help="Say what can be followed, and end.")
@click.option("--reason", default="", help="One line that the person there reads before answering.")
@passphrase_option
@command_options
@reporting
def logs(
    app: App,
    words: str,
    following: bool,
    source: str,
    unit: str,
    priority: str,
    text: str,
    lines: int,
    list_only: bool,
    reason: str,
) -> int:
    """Read or follow the log of a DEVICE (id, label, the beginning of either, or a CODE).

    Filters are applied on the device. What comes faster than may be sent is left out and counted.
    """
    wish = LogFollow(0, source[:200], unit[:200], PRIORITIES.index(priority), text[:200], lines, following)
    return run_async(read_log(app, words, reason, wish, list_only))
