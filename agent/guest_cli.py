"""`handrail-agent guest`: help for a computer that is not enrolled.

It runs an agent for as long as this lasts, in a directory that goes away with it. The key never leaves the process; signed files,
the record of the session and the local socket lie in that directory until it is removed, however the program ends short of
being killed.
"""

import asyncio
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from agent.attending import Attendant
from agent.daemon import Daemon
from agent.desktop.texts import Texts
from agent.features.registry import FEATURES
from agent.guest import GuestCode, GuestDevice, read_seed
from agent.local import LocalClient
from agent.reaching import with_own
from agent.settings import AgentSettings, load_settings
from hostio.exit_codes import ExitCode
from protocol.printable import NEWLINE_AND_TAB, printable
from protocol.seeds import Seed

PREFIX = "handrail-guest-"


def run_guest(path: Path, text: str, environ: Mapping[str, str], wall: Callable[[], datetime], texts: Texts) -> ExitCode:
    """One run, from the seed file to the removed directory.

    Args:
        text: what is wrong, in the words of the person here.

    Raises:
        HandrailError: no seed, no terminal, a setting that does not fit.
    """
    seed = read_seed(path)
    click.echo(texts("terminal.guest", organisation=printable(seed.organisation_name)))
    with TemporaryDirectory(prefix=PREFIX) as home:
        settings = load_settings(Path(home), environ)
        try:
            code = asyncio.run(_attend(settings, seed, text, wall, texts))
        except asyncio.CancelledError:
            code = ExitCode.INTERRUPTED
        for receipt in sorted(settings.receipts.glob("*.txt")):
            click.echo(f"\n{texts('terminal.guest_receipt')}\n")
            click.echo(printable(receipt.read_text("utf-8"), keep=NEWLINE_AND_TAB))
    return code


async def _attend(settings: AgentSettings, seed: Seed, text: str, wall: Callable[[], datetime], texts: Texts) -> ExitCode:
    device = GuestDevice.make(seed, wall=wall(), random_bytes=secrets.token_bytes)
    daemon = Daemon(settings, device, FEATURES, renew=None, wall=wall, guest=GuestCode(secrets.token_bytes))

    async def converse() -> ExitCode:
        async with LocalClient.connected(settings.socket) as client:
            return await Attendant(client, lambda words: click.echo(words, nl=False), asking=text, texts=texts).run()

    with _tidy_ends():
        return await with_own(daemon, converse)


@contextmanager
def _tidy_ends() -> Iterator[None]:
    """A closed terminal and a system that shuts down end this like a person would: the directory must not stay behind."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    numbers = (signal.SIGHUP, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
