"""What every command of `handrail` is given: settings, output, the identity; and how a command runs and fails."""

import asyncio
import functools
import logging
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from hostio.exit_codes import ExitCode
from protocol.errors import HandrailError
from technician_client.cli.exit_codes import exit_code_of
from technician_client.cli.output import Output
from technician_client.identity import read_record
from technician_client.joining import unlock_fresh
from technician_client.link import TechnicianKeys
from technician_client.settings import Settings, load_settings
from technician_client.step_up import StepUp

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class App:
    """One run of `handrail`. `home` and `output` come from the options before the command."""

    home: Path | None
    output: Output
    passphrase_file: Path | None = None
    vault: Path | None = None  # where the organisation's vault lies, when not beside the rest
    unlock: "Callable[[App, Settings], TechnicianKeys] | None" = None  # None: from the identity directory
    unlocked: TechnicianKeys | None = None
    step_up: StepUp | None = None  # made when the key is unlocked from the identity directory

    def settings(self) -> Settings:
        """Settings of this run.

        Raises:
            SettingsError: `technician.toml` is wrong.
        """
        return load_settings(self.home)

    def keys(self, settings: Settings) -> TechnicianKeys:
        """The technician's identity, its key unlocked (once: nobody is asked for a passphrase twice).

        Raises:
            NotSetUp: there is none yet.
        """
        if self.unlocked is None:
            self.unlocked = (self.unlock or _unlock)(self, settings)
        return self.unlocked

    def prompt(self) -> Callable[[str], str] | None:
        """Asks a person for a secret on the terminal; None where nobody can be asked."""
        return _ask_secret if sys.stdin.isatty() else None


def _ask_secret(words: str) -> str:
    answer: str = click.prompt(words, hide_input=True, err=True)
    return answer


def _unlock(app: App, settings: Settings) -> TechnicianKeys:
    keys = unlock_fresh(
        settings.identity_directory,
        passphrase_file=app.passphrase_file,
        prompt=app.prompt(),
        wall=lambda: datetime.now(UTC),
        random_bytes=secrets.token_bytes,
        on_progress=app.output.progress,
        proxy=settings.proxy,
    )
    # What a keyring knows, nobody had to type.
    typed = app.passphrase_file is not None or read_record(settings.identity_directory).unlock != "keyring"
    app.step_up = StepUp(settings.identity_directory, proved=typed)
    return keys


def _json_flag(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    app = context.find_object(App)
    if value and app is not None:
        app.output.as_json = True
    return value


def command_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options every command has: `--json` (also accepted before the command's name)."""
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_json_flag,
        help="JSON on stdout instead of words and tables.",
    )(function)


def passphrase_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--passphrase-file`, for commands that unlock the technician's key."""

    def keep(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
        app = context.find_object(App)
        if app is not None and value is not None:
            app.passphrase_file = value

    return click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path, dir_okay=False),
        expose_value=False,
        callback=keep,
        help="Read the key's passphrase from this file (mode 0600) instead of asking.",
    )(function)


def reporting(function: Callable[Concatenate[App, P], int | None]) -> Callable[P, None]:
    """Give a command its `App`; turn what it returns into the exit code, and any documented error into words and a code."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        context = click.get_current_context()
        app = context.find_object(App)
        assert app is not None
        try:
            code = function(app, *args, **kwargs) or ExitCode.OK
        except HandrailError as error:
            app.output.error(error)
            code = exit_code_of(error)
        context.exit(int(code))

    return run


@contextmanager
def on_sigterm(act: Callable[[], object]) -> Iterator[None]:
    """While inside, SIGTERM calls `act` on the event loop instead of killing the process. Elsewhere than in the main thread,
    which alone hears signals, nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def hear(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)

    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_async(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run a command's coroutine to its end; Ctrl-C and SIGTERM cancel it, so that sessions are ended and not cut.

    Raises:
        KeyboardInterrupt: after everything was closed.
    """

    async def heard() -> R:
        task = asyncio.current_task()
        assert task is not None
        with on_sigterm(task.cancel):
            return await coroutine

    try:
        return asyncio.run(heard())
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error


def set_up_logging(verbose: int) -> None:
    """Logs on stderr: nothing but errors, -v more, -vv everything."""
    level = {0: logging.ERROR, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
