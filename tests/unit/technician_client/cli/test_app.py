"""What every command is given."""

import asyncio
import io
import os
import signal
import threading
from pathlib import Path

import click
import pytest

from protocol.errors import TrustError
from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.main import run
from technician_client.cli.output import Output
from technician_client.link import TechnicianKeys
from technician_client.settings import SETTINGS_FILE, Settings, SettingsError
from tests.kit.organisation import Organisation
from tests.kit.switchboard import keys_of


def app(tmp_path: Path) -> App:
    return App(tmp_path, Output(stdout=io.StringIO(), stderr=io.StringIO()))


def test_settings_come_from_the_home(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text("concurrency = 2")
    assert app(tmp_path).settings().concurrency == 2
    (tmp_path / SETTINGS_FILE).write_text("x")
    with pytest.raises(SettingsError):
        app(tmp_path).settings()


def test_nobody_is_asked_where_there_is_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert app(tmp_path).prompt() is None


def test_the_key_is_unlocked_once(tmp_path: Path) -> None:
    organisation = Organisation()
    asked: list[int] = []

    def unlock(_app: App, _settings: Settings) -> TechnicianKeys:
        asked.append(1)
        return keys_of(organisation, organisation.technician(), "https://relay.example")

    given = app(tmp_path)
    given.unlock = unlock
    assert given.keys(given.settings()) is given.keys(given.settings())
    assert asked == [1]


def test_a_command_gets_its_app_and_its_errors_become_codes(tmp_path: Path) -> None:
    seen: list[tuple[bool, Path | None]] = []

    @click.command()
    @click.argument("what")
    @passphrase_option
    @command_options
    @reporting
    def command(given: App, what: str) -> int | None:
        seen.append((given.output.as_json, given.passphrase_file))
        if what == "fail":
            raise TrustError("it does not hold")
        return 8 if what == "eight" else None

    for words, code in ((["ok"], 0), (["eight", "--json"], 8), (["fail", "--passphrase-file", "/p"], 7)):
        assert command.main(words, standalone_mode=False, obj=app(tmp_path)) == code
    assert seen == [(False, None), (True, None), (False, Path("/p"))]


def test_run_async_returns_what_the_coroutine_does() -> None:
    async def five() -> int:
        return 5

    assert run_async(five()) == 5


def test_ctrl_c_is_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_self: App) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(App, "settings", interrupt)
    assert run(["whoami"], app(tmp_path)) == 130


def test_sigterm_ends_a_command_as_ctrl_c_does() -> None:
    closed: list[bool] = []

    async def waits() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        run_async(waits())
    assert closed == [True]
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_signals_are_left_alone() -> None:
    async def five() -> int:
        return 5

    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(run_async(five())))
    thread.start()
    thread.join()
    assert results == [5]
