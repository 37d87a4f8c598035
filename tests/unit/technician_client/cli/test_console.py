"""`handrail console`: where it is, who may open it, how it ends."""

import io
import json
import os
import signal
import webbrowser
from pathlib import Path

import pytest

from technician_client.cli.console import announce, open_browser
from technician_client.cli.output import Output
from technician_client.console.server import ConsoleAddress
from tests.kit.organisation import Organisation
from tests.kit.switchboard import Switchboard, keys_of, running
from tests.kit.waiting import eventually_async

ADDRESS = ConsoleAddress("http://127.0.0.1:8765", Path("/home/ana/.local/share/handrail/console/open-8765.html"), 8765)


def test_the_file_to_open_is_named_and_no_token_is_shown() -> None:
    out, err = io.StringIO(), io.StringIO()
    announce(Output(stdout=out, stderr=err, colour=False), ADDRESS)
    assert "file:///home/ana/.local/share/handrail/console/open-8765.html" in out.getvalue()
    assert "token" not in out.getvalue() + err.getvalue()
    out = io.StringIO()
    announce(Output(as_json=True, stdout=out, stderr=err), ADDRESS)
    assert json.loads(out.getvalue())["console"] == {"file": str(ADDRESS.file), "origin": ADDRESS.origin, "port": 8765}


def test_a_graphical_browser_is_opened_and_one_for_terminals_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    class Graphical(webbrowser.BaseBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            opened.append(url)
            return True

    monkeypatch.setattr(webbrowser, "get", lambda: Graphical())
    assert open_browser(ADDRESS.file)
    assert opened == [ADDRESS.file.as_uri()]
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("lynx"))
    assert not open_browser(ADDRESS.file)

    def none() -> webbrowser.BaseBrowser:
        raise webbrowser.Error("no browser")

    monkeypatch.setattr(webbrowser, "get", none)
    assert not open_browser(ADDRESS.file)


async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    from hostio.tasks import Supervisor
    from technician_client.cli.app import App
    from technician_client.cli.console import run_console

    organisation = Organisation()
    out = io.StringIO()
    async with running(Switchboard(organisation)) as board, Supervisor() as supervisor:
        keys = keys_of(organisation, organisation.technician(), board.url)
        app = App(tmp_path, Output(as_json=True, stdout=out, stderr=io.StringIO()), unlock=lambda _app, _settings: keys)
        ended: list[bool] = []

        async def serve() -> None:
            await run_console(app, 0, open_it=False)
            ended.append(True)

        supervisor.spawn(serve(), "console")
        await eventually_async(out.getvalue, "the address")
        file = Path(json.loads(out.getvalue())["console"]["file"])
        assert file.is_relative_to(tmp_path)
        assert file.stat().st_mode & 0o077 == 0
        os.kill(os.getpid(), signal.SIGTERM)
        await eventually_async(lambda: ended, "the end")
        assert not file.exists()
