"""`handrail forward`: services of a device, on this computer."""

import asyncio

import click

from hostio.exit_codes import ExitCode
from protocol.capabilities import Capability
from protocol.errors import HandrailError, RefusalReason, Refused
from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.connect import open_named
from technician_client.cli.cuts import over_cuts
from technician_client.cli.names import complete_device
from technician_client.cli.output import Output
from technician_client.errors import SessionLost
from technician_client.forwarding import Forward, Forwarder, ForwardWish, why_not
from technician_client.link import RelayClient
from technician_client.operations import forward_rules
from technician_client.resuming import resumable
from technician_client.sessions import Session

WANTED = (Capability.FORWARD,)


def forward_document(forward: Forward) -> dict[str, object]:
    """A forward as `--json` shows it."""
    return {
        "event": "forward",
        "local": f"127.0.0.1:{forward.local}",
        "to": f"{forward.wish.host}:{forward.wish.port}",
        "connections": forward.connections,
        "sent_bytes": forward.sent,
        "received_bytes": forward.received,
    }


class _Problems:
    """Says once what keeps connections from coming about."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.forwarder = Forwarder(self._tell)
        self._told: dict[int, str] = {}

    def _tell(self) -> None:
        for forward in self.forwarder.forwards:
            if forward.problem != self._told.get(forward.number, ""):
                self._told[forward.number] = forward.problem
                if forward.problem:
                    self._app.output.warning(f"127.0.0.1:{forward.local}: {forward.problem}")


async def _demand_some(output: Output, session: Session, forwarder: Forwarder) -> None:
    """Leave out, with a word about each, what the device would not connect to.

    Raises:
        Refused: that is all of it.
    """
    rules = await forward_rules(session)
    for forward in forwarder.forwards:
        wish = forward.wish
        if text := why_not(rules, wish.host, wish.port):
            output.warning(text)
            forwarder.remove(forward.number)
    if not forwarder.forwards:
        raise Refused("Nothing of it can be forwarded.", reason=RefusalReason.POLICY)


async def forward_ports(app: App, words: str, reason: str, wishes: tuple[ForwardWish, ...]) -> ExitCode:
    """Open a session that may forward, and forward until it is over.

    Raises:
        HandrailError: as `Session.open` and `Forwarder.add`, and where the device would connect to nothing of it.
    """
    settings, output = app.settings(), app.output
    forwarder = _Problems(app).forwarder
    try:
        for wish in wishes:
            await forwarder.add(wish)  # before anybody is asked for anything
        async with RelayClient(app.keys(settings), settings) as relay:
            session = await open_named(app, relay, words, reason, WANTED)
            try:
                await _demand_some(output, session, forwarder)
            except HandrailError:
                await session.end()
                raise
            for forward in forwarder.forwards:
                output.text(f"127.0.0.1:{forward.local} leads to {forward.wish.host}:{forward.wish.port} of {session.label}.")
                if output.as_json:
                    output.json(forward_document(forward))
            output.progress("Ctrl-C ends it.")
            last = session

            async def part(session: Session) -> None:
                nonlocal last
                last = session
                await forwarder.run(session)
                raise session.loss()

            try:
                await over_cuts(output, relay, session, part)
            except SessionLost:
                if resumable(last):
                    raise  # it was cut and could not go on; any other end is told below
            ended = await last.end()
        output.text(last.end_text)
        return ExitCode.OK if ended.clean else ExitCode.FAILED
    finally:
        for forward in forwarder.forwards:
            went = f"{forward.sent:,} bytes there, {forward.received:,} back"
            output.progress(f"127.0.0.1:{forward.local}: {forward.connections} connections, {went}")
            if output.as_json:
                output.json({**forward_document(forward), "event": "end"})
        await forwarder.aclose()
        await asyncio.sleep(0)


@click.command(
    epilog="\b\nExamples:\n  handrail forward till-3 5432\n  handrail forward till-3 8080:80 5432 --reason 'the database'\n"
    "  handrail forward till-3 8443:printer.shop.example:443"
)
@click.argument("words", metavar="DEVICE|CODE", shell_complete=complete_device)
@click.argument("ports", nargs=-1, required=True, metavar="PORT|LOCAL:PORT|LOCAL:HOST:PORT...")
@click.option("--reason", default="", help="One line that the person there reads before answering.")
@passphrase_option
@command_options
@reporting
def forward(app: App, words: str, ports: tuple[str, ...], reason: str) -> int:
    """Reach services of a DEVICE (id, label, the beginning of either, or a CODE) at ports of 127.0.0.1 here, until Ctrl-C.

    Only the device itself can be reached, and other HOSTs through it only where the organisation's signed policy says so. LOCAL 0
    takes any free port. The person there is asked, and can end it.
    """
    return run_async(forward_ports(app, words, reason, tuple(ForwardWish.parse(one) for one in ports)))
