"""Starts the console: the socket on 127.0.0.1, the guard, the routes, the page, and everything's orderly end."""

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from hostio.allocator import share_arenas
from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.errors import HandrailError
from technician_client.console.api import ConsoleApi
from technician_client.console.assets import add_assets, read_assets
from technician_client.console.calls import Calls, CallsApi
from technician_client.console.clipboard_api import ClipboardApi
from technician_client.console.files_api import FilesApi
from technician_client.console.guard import Guard, demand_loopback, guarded_application
from technician_client.console.hub import SessionHub
from technician_client.console.keeping import Keeping
from technician_client.console.office_api import OfficeApi
from technician_client.console.past_api import PastApi
from technician_client.console.ports import RelayPort, RelayPortFactory, Target
from technician_client.console.preferences import PreferencesFile
from technician_client.console.recordings_api import RecordingsApi
from technician_client.console.redirect import RedirectFile
from technician_client.console.runs import FixRuns
from technician_client.organisation.record import OrganisationHome
from technician_client.recordings.retention import RecordingsKeeper
from technician_client.settings import Settings, load_settings

_LOGGER = logging.getLogger(__name__)
_HTTP = logging.getLogger(f"{__name__}.http")
_HTTP.addFilter(lambda record: record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError))
"""aiohttp's own log of requests, without what is no HTTP at all: whoever sends that is answered, and fills no log."""


class ConsoleError(HandrailError):
    """The console cannot start; the text says what to do."""


@dataclass(frozen=True, slots=True)
class ConsoleAddress:
    """Where the console is. `origin` is the address to show; `file` is what a browser is to be opened with: only this user can
    read it, and it lets a browser in."""

    origin: str
    file: Path
    port: int


@dataclass(frozen=True, slots=True)
class FirstSession:
    """A session to begin with: the console opens at it. `recording`: the file for its recording (None: among the others)."""

    target: Target
    wanted: Sequence[Capability]
    reason: str = ""
    label: str = ""
    recording: Path | None = None


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def key_holders(home: Path) -> dict[str, str]:
    """Who holds which key of the repository, by key id, on a computer that keeps the organisation's record; else nobody."""
    organisation = OrganisationHome(Settings(home).organisation_directory)
    try:
        return dict(organisation.load().holders) if organisation.exists() else {}
    except HandrailError as error:
        _LOGGER.warning("who holds which key is not known here: %s", error)
        return {}


def _listen(host: str, port: int) -> socket.socket:
    """Raises `ConsoleError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConsoleError(
            f"The console cannot listen on {host}:{port}: {error.strerror}. Is a console open already? Choose another --port."
        ) from error
    return listener


def recordings_keeper(settings: Settings, relay: RelayPort) -> RecordingsKeeper:
    """What deletes the recordings that are kept no longer."""
    return RecordingsKeeper(
        settings.recordings_directory,
        relay.recordings_key,
        days=settings.recordings_days,
        gigabytes=settings.recordings_gigabytes,
        policy_days=relay.recording_days,
        wall=time.time,
    )


@asynccontextmanager
async def running_console(
    relay: RelayPort, listener: socket.socket, home: Path, first: FirstSession | None = None
) -> AsyncIterator[ConsoleAddress]:
    """A console that serves on `listener` (bound, loopback) until the context is left.

    Raises:
        RedirectError: the file that opens it cannot be written in `home`.
    """
    host, port = listener.getsockname()[:2]
    redirect = RedirectFile(home, port)
    guard = Guard(host, port, token=_new_secret, on_enter=lambda: redirect.write(guard.entrance()))
    application = guarded_application(guard)
    async with Supervisor() as supervisor:
        settings = await asyncio.to_thread(load_settings, home)
        keeping = Keeping(settings, relay.recordings_key, relay.person)
        hub = SessionHub(relay, supervisor, new_name=lambda: secrets.token_urlsafe(16), keeping=keeping)
        runs = FixRuns(relay, new_name=lambda: secrets.token_urlsafe(16))
        preferences = await asyncio.to_thread(PreferencesFile, home)
        calls = Calls(relay, supervisor)
        api = ConsoleApi(relay, hub, runs, preferences, calls)
        api.add_routes(application)
        CallsApi(calls).add_routes(application)
        FilesApi(hub).add_routes(application)
        ClipboardApi(hub).add_routes(application)
        OfficeApi(relay, runs, preferences, await asyncio.to_thread(key_holders, home)).add_routes(application)
        RecordingsApi(
            settings.recordings_directory,
            relay.recordings_key,
            days=settings.recordings_days,
            gigabytes=settings.recordings_gigabytes,
        ).add_routes(application)
        PastApi(settings).add_routes(application)
        add_assets(application, await asyncio.to_thread(read_assets))
        application.on_shutdown.append(api.close_sockets)
        runner = web.AppRunner(application, access_log=None, logger=_HTTP, shutdown_timeout=3.0, keepalive_timeout=30.0)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            if first is not None:
                session = hub.start(first.target, first.wanted, first.reason, first.label, first.recording)
                session.keep_for_first_tab()
                guard.first_page = f"/#/session/{session.name}"
            redirect.write(guard.entrance())
            _ = supervisor.spawn(hub.sweep(), "forgotten sessions")
            _ = supervisor.spawn(recordings_keeper(settings, relay).run(), "old recordings")
            yield ConsoleAddress(guard.origin, redirect.path, port)
        finally:
            redirect.remove()
            await hub.aclose()
            await runs.aclose()
            await runner.cleanup()


async def serve(
    client_factory: RelayPortFactory,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    home: Path,
    on_ready: Callable[[ConsoleAddress], None],
    stop: asyncio.Event | None = None,
    first: FirstSession | None = None,
) -> None:
    """Run the console until `stop` is set (None: until cancelled).

    Args:
        client_factory: makes the relay client (`console.adapter.relay_port`); closed again when the console stops.
        host: a loopback address.
        port: 0 lets the system choose.
        home: the technician's home directory; the file that opens the console is written to `home/console/`.
        on_ready: called once with the address, when a browser can be opened.
        first: open this session at once and show it to the first browser.

    Raises:
        ConsoleError: the port is taken. NotLoopback: `host` is not on this computer only.
        HandrailError: what `client_factory` raises.
    """
    share_arenas()
    demand_loopback(host)
    listener = _listen(host, port)
    try:
        async with client_factory() as relay, running_console(relay, listener, home, first) as address:
            on_ready(address)
            _LOGGER.info("console on %s", address.origin)
            await (stop or asyncio.Event()).wait()
    finally:
        listener.close()
