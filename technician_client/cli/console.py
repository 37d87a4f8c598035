"""`handrail console`: the console in a browser on this computer, and how any command opens one."""

import asyncio
import webbrowser
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import click

from technician_client.cli.app import App, command_options, on_sigterm, passphrase_option, reporting, run_async
from technician_client.cli.output import Output
from technician_client.console.adapter import relay_port
from technician_client.console.ports import RelayPort
from technician_client.console.server import ConsoleAddress, FirstSession, serve
from technician_client.renewing import Renewer


def open_browser(file: Path) -> bool:
    """Open a file in the user's browser, if there is a graphical one. Blocking."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    if type(browser) is webbrowser.GenericBrowser:  # a browser for terminals: it would take this one over, and cannot show video
        return False
    return browser.open(file.as_uri())


def announce(output: Output, address: ConsoleAddress) -> None:
    """Say where the console is. The file lets a browser in once; only this user can read it."""
    if output.as_json:
        output.json({"console": {"file": str(address.file), "origin": address.origin, "port": address.port}})
        return
    output.text("The console is ready. Open this file in a Chromium browser (it lets one browser in):")
    output.text(f"  {address.file.as_uri()}", style="bold")
    output.progress(f"It serves {address.origin} to this computer only. Ctrl-C ends it and every session in it.")


async def run_console(app: App, port: int, open_it: bool, first: FirstSession | None = None) -> None:
    """Serve the console until Ctrl-C or SIGTERM."""
    settings = app.settings()
    keys = app.keys(settings)
    renewer = Renewer(settings.identity_directory, proxy=settings.proxy)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    opening: list[asyncio.Future[bool]] = []

    def ready(address: ConsoleAddress) -> None:
        announce(app.output, address)
        if open_it:
            opening.append(loop.run_in_executor(None, open_browser, address.file))

    def port_factory() -> AbstractAsyncContextManager[RelayPort]:
        return relay_port(keys, settings, renewer, app.step_up)

    with on_sigterm(stop.set):
        await serve(port_factory, port=port, home=settings.home, on_ready=ready, stop=stop, first=first)
    await asyncio.gather(*opening)


@click.command(epilog="\b\nExamples:\n  handrail console\n  handrail console --port 8765 --no-open")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port on 127.0.0.1 (default: one that is free).")
@click.option("--no-open", is_flag=True, help="Only say which file opens it.")
@passphrase_option
@command_options
@reporting
def console(app: App, port: int, no_open: bool) -> None:
    """Serve the console to a browser on this computer: devices, live desktops, findings and fixes.

    It listens on 127.0.0.1 only and lets in only the browser that opens the file it names.
    """
    run_async(run_console(app, port, not no_open))
