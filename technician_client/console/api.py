"""The console's routes: what may be asked over HTTP, and the two WebSockets.

    GET    /api/v1/live                     WebSocket: who is here, the relay, devices, what is known of them, sessions, runs of
                                            fixes, calls; as they are, then each change
    GET    /api/v1/sessions                 the sessions of this console
    POST   /api/v1/sessions                 {code | device, wanted, reason, label}: begin to open one -> 201 {id}
    POST   /api/v1/step-up                  {passphrase}: typed again, for what asks for it -> 204; 403, 429
    DELETE /api/v1/sessions/{id}            end it -> 204
    GET    /api/v1/sessions/{id}/socket     WebSocket: `console.bridge`
Errors are RFC 9457 problem documents. Codes, keys and typed text stand in no log and in no error.
"""

import asyncio
from typing import Annotated, Any, Final

import msgspec
from aiohttp import WSMsgType, web

from hostio.tasks import Supervisor
from protocol.capabilities import RULES, Capability
from protocol.codes import parse_code
from protocol.errors import HandrailError, Refused
from protocol.version import PRODUCT
from technician_client.console.answers import answer_json, problem
from technician_client.console.bridge import PAGE_TEXT_BYTES, Bridge
from technician_client.console.calls import Calls
from technician_client.console.hub import LiveSession, SessionHub, TooMany
from technician_client.console.ports import DevicesUpdate, FleetEvent, RelayPort, RelayState, Target
from technician_client.console.preferences import PreferencesFile
from technician_client.console.runs import FixRuns, RunTeller
from technician_client.console.wire import write_object
from technician_client.known import KnownDevice
from technician_client.step_up import StepUpNeeded

_ROWS_AT_ONCE: Final = 500
_SOCKET_HEARTBEAT: Final = 20.0
_RUNS_SECONDS: Final = 0.1


class OpenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/sessions. `label` is only what the page calls the device until its certificate is known."""

    wanted: Annotated[list[Capability], msgspec.Meta(min_length=1, max_length=32)]
    code: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{9}(-[A-Z2-7]{8})?)?\Z")] = ""
    device: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{0,40}\Z")] = ""
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""
    label: Annotated[str, msgspec.Meta(max_length=100)] = ""
    after_restart: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0


def wanted_of(wish: OpenRequest) -> list[Capability]:
    """What to ask for: a guest is not asked for what none of them grants."""
    parsed = parse_code(wish.code)
    if parsed is None or not parsed.guest:
        return wish.wanted
    return [capability for capability in wish.wanted if RULES[capability].guest]


class StepUpRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/step-up."""

    passphrase: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class ConsoleApi:
    """The handlers. Everything is behind the guard: see `console.guard`."""

    def __init__(self, relay: RelayPort, hub: SessionHub, runs: FixRuns, preferences: PreferencesFile, calls: Calls) -> None:
        self._relay = relay
        self._calls = calls
        self._hub = hub
        self._runs = runs
        self._preferences = preferences
        self._open_request = msgspec.json.Decoder(OpenRequest)
        self._step_up_request = msgspec.json.Decoder(StepUpRequest)
        self._sockets: set[web.WebSocketResponse] = set()

    def add_routes(self, application: web.Application) -> None:
        """Add every route of the module's table."""
        router = application.router
        router.add_get("/api/v1/live", self.live)
        router.add_get("/api/v1/sessions", self.list_sessions)
        router.add_post("/api/v1/sessions", self.open_session)
        router.add_post("/api/v1/step-up", self.step_up)
        router.add_delete("/api/v1/sessions/{id}", self.end_session)
        router.add_get("/api/v1/sessions/{id}/socket", self.session_socket)

    async def close_sockets(self, _application: web.Application) -> None:
        """Tell every tab that the console stops."""
        for socket in tuple(self._sockets):
            await socket.close(code=1001, message=b"the console stops")

    async def list_sessions(self, _request: web.Request) -> web.Response:
        """GET /api/v1/sessions"""
        return answer_json({"sessions": self._hub.rows()})

    async def open_session(self, request: web.Request) -> web.Response:
        """POST /api/v1/sessions"""
        try:
            wish = self._open_request.decode(await request.read())
        except (ValueError, RecursionError) as error:
            return problem(400, "That is not a request to open a session", str(error))
        if bool(wish.code) == bool(wish.device):
            return problem(400, "Name either a code or a device", "")
        wanted = wanted_of(wish)
        if not wanted:
            return problem(
                400, "A guest allows none of this", "Its computer is not enrolled: ask to watch, or to watch and control."
            )
        try:
            self._relay.demand_step_up(wanted)
            session = self._hub.start(Target(wish.code, wish.device, wish.after_restart), wanted, wish.reason, wish.label)
        except StepUpNeeded as error:
            return problem(403, "Your passphrase is needed again", str(error), reason="step_up")
        except TooMany as error:
            return problem(429, "Too many sessions", str(error))
        return answer_json({"id": session.name}, status=201)

    async def step_up(self, request: web.Request) -> web.Response:
        """POST /api/v1/step-up"""
        try:
            typed = self._step_up_request.decode(await request.read())
        except (ValueError, RecursionError):
            return problem(400, "That is not a passphrase", "")  # what it is instead stands nowhere
        try:
            await self._relay.step_up(typed.passphrase)
        except Refused as error:
            return problem(429, "Too many wrong passphrases", str(error))
        except HandrailError as error:
            return problem(403, "Not unlocked", str(error))
        return web.Response(status=204)

    async def end_session(self, request: web.Request) -> web.Response:
        """DELETE /api/v1/sessions/{id}"""
        session = self._session(request)
        if session is None:
            return problem(404, "No such session", "It has ended, or the console was started anew.")
        await session.end("technician")
        return web.Response(status=204)

    async def session_socket(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/sessions/{id}/socket"""
        session = self._session(request)
        if session is None:
            return problem(404, "No such session", "It has ended, or the console was started anew.")
        socket = web.WebSocketResponse(max_msg_size=PAGE_TEXT_BYTES, heartbeat=_SOCKET_HEARTBEAT, compress=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            await Bridge(socket, session).run()
        finally:
            self._sockets.discard(socket)
        return socket

    async def live(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/live"""
        socket = web.WebSocketResponse(max_msg_size=1024, heartbeat=_SOCKET_HEARTBEAT, compress=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            await socket.send_str(write_object(self._introduction()))
            async with Supervisor() as supervisor:
                _ = supervisor.spawn(self._tell_fleet(socket), "devices to a tab")
                _ = supervisor.spawn(self._tell_known(socket), "what is known to a tab")
                _ = supervisor.spawn(self._tell_runs(socket), "runs to a tab")
                _ = supervisor.spawn(self._tell_sessions(socket), "sessions to a tab")
                _ = supervisor.spawn(self._tell_calls(socket), "calls to a tab")
                async for frame in socket:
                    if frame.type is not WSMsgType.PING:
                        break
        except ConnectionError:
            pass  # the tab went away while it was being told
        finally:
            self._sockets.discard(socket)
        return socket

    def _introduction(self) -> dict[str, Any]:
        person = self._relay.person
        return {
            "type": "hello",
            "name": person.name,
            "tier": person.tier,
            "organisation": person.organisation,
            "relay": person.relay,
            "product": PRODUCT,
            "preferences": msgspec.to_builtins(self._preferences.now),
            "capabilities": {
                capability.value: {"words": rule.plain_words, "tier": rule.attended_tier} for capability, rule in RULES.items()
            },
        }

    async def _tell_fleet(self, socket: web.WebSocketResponse) -> None:
        async for event in self._relay.watch():
            if isinstance(event, DevicesUpdate):
                self._calls.see(event)
            for value in _fleet_objects(event):
                await socket.send_str(write_object(value))

    async def _tell_known(self, socket: web.WebSocketResponse) -> None:
        async for devices in self._relay.watch_known():
            rows = [known_row(peer, device) for peer, device in devices.items()]
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                await socket.send_str(write_object({"type": "known", "devices": rows[start : start + _ROWS_AT_ONCE]}))

    async def _tell_runs(self, socket: web.WebSocketResponse) -> None:
        changed, what = self._runs.watch()
        teller = RunTeller()
        try:
            await socket.send_str(write_object({"type": "runs", "runs": [run.row() for run in self._runs.all()]}))
            while True:
                await changed.wait()
                changes = sorted(what)
                changed.clear()
                what.clear()
                for name, device in changes:
                    run = self._runs.get(name)
                    if run is None:
                        teller.forget(name)
                        continue
                    told = teller.changes(run, device) if device else [{"type": "run", "run": name, "row": run.row()}]
                    for value in told:
                        await socket.send_str(write_object(value))
                await asyncio.sleep(_RUNS_SECONDS)  # what changes meanwhile is told together
        finally:
            self._runs.unwatch(changed)

    async def _tell_sessions(self, socket: web.WebSocketResponse) -> None:
        changed = self._hub.watch()
        try:
            while True:
                await socket.send_str(write_object({"type": "sessions", "sessions": self._hub.rows()}))
                await changed.wait()
                changed.clear()
        finally:
            self._hub.unwatch(changed)

    async def _tell_calls(self, socket: web.WebSocketResponse) -> None:
        changed = asyncio.Event()
        end = self._calls.watch(changed.set)
        try:
            while True:
                await socket.send_str(write_object({"type": "calls", "calls": self._calls.rows()}))
                await changed.wait()
                changed.clear()
        finally:
            end()

    def _session(self, request: web.Request) -> LiveSession | None:
        return self._hub.get(request.match_info["id"])


def known_row(peer: str, device: KnownDevice) -> dict[str, Any]:
    """What is known of one device, for the page; `health` null: nobody has looked yet."""
    health = None if device.health is None else {name: getattr(device.health, name) for name in device.health.__struct_fields__}
    return {
        "id": peer,
        "label": device.label,
        "group": device.group,
        "user": device.user,
        "asset_tag": device.asset_tag,
        "health": health,
        "last_session": device.last_session,
    }


def _fleet_objects(event: FleetEvent) -> list[dict[str, Any]]:
    match event:
        case RelayState(online=online, text=text, retry_in=retry_in, refused=refused):
            return [{"type": "relay", "online": online, "text": text, "retry_in": retry_in, "refused": refused}]
        case DevicesUpdate(devices=devices, replace=replace):
            # A page puts a whole list in place at its last piece: a part of it would look as if the others had gone.
            starts = range(0, max(1, len(devices)), _ROWS_AT_ONCE)
            return [
                {
                    "type": "devices",
                    "replace": replace,
                    "piece": piece,
                    "last": start == starts[-1],
                    "devices": [msgspec.to_builtins(device) for device in devices[start : start + _ROWS_AT_ONCE]],
                }
                for piece, start in enumerate(starts)
            ]
