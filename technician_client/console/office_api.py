"""The console's routes beside sessions: standing, preferences, the library and runs of fixes on many devices.

    GET    /api/v1/standing                 identity, certificate, relay (measured now), versions and licences
    POST   /api/v1/renew                    renew the certificate now -> the standing
    POST   /api/v1/preferences              what the technician has chosen -> 204
    GET    /api/v1/library                  the approved fixes, without their files
    GET    /api/v1/library/{id}             one with its files and what changed since the version before
    GET    /api/v1/colleagues               the other technicians who are logged in: {peer, name, tier}, by name
    GET    /api/v1/runs                     the runs of this console, newest first, without their devices
    POST   /api/v1/runs                     {fix, digest, parameters, devices, reason, group}: begin -> 201 {id}
    GET    /api/v1/runs/{id}                one with its devices
    DELETE /api/v1/runs/{id}                stop it on every device -> 204
    GET    /api/v1/runs/{id}/report.json    the run as a file
    GET    /api/v1/runs/{id}/report.csv     one line for each device
Errors are RFC 9457 problem documents.
"""

import asyncio
import base64
import difflib
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web

from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.manifests import MANIFEST_NAME, ScriptManifest, Sha256Hex
from protocol.messages.fixes import SHORT_DIGEST, ParameterValue
from technician_client.console.about import about
from technician_client.console.answers import answer_json, problem
from technician_client.console.hub import TooMany
from technician_client.console.ports import RelayPort, Standing
from technician_client.console.preferences import Preferences, PreferencesFile
from technician_client.console.runs import FixRuns, csv_report, json_report
from technician_client.fleet_fixes import WANTED, FixOrder
from technician_client.operations import typed_parameters
from technician_client.published import Approval, PublishedScript
from technician_client.step_up import StepUpNeeded

DEVICES_AT_ONCE: Final = 500
_DIFF_LINES: Final = 4000
_FILE_CHARS: Final = 256 * 1024


class RunRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/runs. `digest`: of the script as the page showed it; `devices`: id -> the name that the page calls it
    by."""

    fix: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    digest: Sha256Hex
    devices: Annotated[
        dict[Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{1,40}\Z")], Annotated[str, msgspec.Meta(max_length=200)]],
        msgspec.Meta(min_length=1, max_length=DEVICES_AT_ONCE),
    ]
    parameters: Annotated[dict[str, ParameterValue], msgspec.Meta(max_length=32)] = {}
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""
    group: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class OfficeApi:
    """The handlers. `holders` are the names of keys' holders by id, where this computer knows them."""

    def __init__(self, relay: RelayPort, runs: FixRuns, preferences: PreferencesFile, holders: dict[str, str]) -> None:
        self._relay = relay
        self._runs = runs
        self._preferences = preferences
        self._holders = holders
        self._about: dict[str, object] = {}  # of what is installed, which does not change while it runs
        self._run_request = msgspec.json.Decoder(RunRequest)
        self._preferences_request = msgspec.json.Decoder(Preferences)

    def add_routes(self, application: web.Application) -> None:
        """Add every route of the module's table."""
        router = application.router
        router.add_get("/api/v1/standing", self.standing)
        router.add_post("/api/v1/renew", self.renew)
        router.add_post("/api/v1/preferences", self.save_preferences)
        router.add_get("/api/v1/library", self.fix_library)
        router.add_get("/api/v1/library/{id}", self.script)
        router.add_get("/api/v1/colleagues", self.colleagues)
        router.add_get("/api/v1/runs", self.list_runs)
        router.add_post("/api/v1/runs", self.start_run)
        router.add_get("/api/v1/runs/{id}", self.show_run)
        router.add_delete("/api/v1/runs/{id}", self.cancel_run)
        router.add_get("/api/v1/runs/{id}/report.json", self.report_json)
        router.add_get("/api/v1/runs/{id}/report.csv", self.report_csv)

    async def standing(self, _request: web.Request) -> web.Response:
        """GET /api/v1/standing"""
        self._about = self._about or await asyncio.to_thread(about)
        return answer_json(standing_document(await self._relay.standing()) | {"about": self._about})

    async def renew(self, _request: web.Request) -> web.Response:
        """POST /api/v1/renew"""
        try:
            return answer_json(standing_document(await self._relay.renew()))
        except HandrailError as error:
            return problem(502, "The certificate was not renewed", str(error))

    async def save_preferences(self, request: web.Request) -> web.Response:
        """POST /api/v1/preferences"""
        try:
            chosen = self._preferences_request.decode(await request.read())
        except (ValueError, RecursionError) as error:
            return problem(400, "Those are no preferences", str(error))
        try:
            await asyncio.to_thread(self._preferences.save, chosen)
        except HandrailError as error:
            return problem(500, "Your choice was not kept", str(error))
        return web.Response(status=204)

    async def fix_library(self, _request: web.Request) -> web.Response:
        """GET /api/v1/library"""
        try:
            library = await self._relay.fix_library()
        except HandrailError as error:
            return problem(502, "The approved fixes cannot be shown", str(error))
        rows = [self._script(script) for script in library.scripts.values()]
        return answer_json(
            {"scripts": rows, "approval": self._approval(library.approval), "read_at": library.read_at.timestamp()}
        )

    async def script(self, request: web.Request) -> web.Response:
        """GET /api/v1/library/{id}"""
        try:
            library = await self._relay.fix_library()
        except HandrailError as error:
            return problem(502, "The approved fixes cannot be shown", str(error))
        script = library.scripts.get(request.match_info["id"])
        if script is None:
            return problem(404, "No such approved fix", "Its approval has ended, or the address is wrong.")
        files = [{"name": name, "text": _text(data), "bytes": len(data)} for name, data in script.files.items()]
        former = script.former
        change = None if former is None else {"version": former.manifest.version, "lines": difference(former, script)}
        return answer_json(self._script(script) | {"files": files, "change": change})

    async def colleagues(self, _request: web.Request) -> web.Response:
        """GET /api/v1/colleagues"""
        try:
            found = await self._relay.colleagues()
        except HandrailError as error:
            return problem(502, "Nobody can say who is there", str(error))
        return answer_json({"colleagues": [{"peer": one.peer, "name": one.name, "tier": one.tier} for one in found]})

    async def list_runs(self, _request: web.Request) -> web.Response:
        """GET /api/v1/runs"""
        return answer_json({"runs": [run.row() for run in self._runs.all()]})

    async def start_run(self, request: web.Request) -> web.Response:
        """POST /api/v1/runs"""
        try:
            wish = self._run_request.decode(await request.read())
        except (ValueError, RecursionError) as error:
            return problem(400, "That is not an order to run a fix", str(error))
        try:
            library = await self._relay.fix_library()  # as it is now: its tier is what the passphrase is asked for
            script = library.scripts.get(wish.fix)
            if script is None:
                return problem(404, "No such approved fix", "Its approval has ended. Load the library again.")
            entry = script.manifest.entry(script.digest)
            if script.digest != wish.digest:
                return problem(
                    409,
                    "This fix was changed since you looked at it",
                    f"It is version {script.manifest.version} now (digest {script.digest[:SHORT_DIGEST]}). Nothing was run. Look "
                    "at it again.",
                    reason=RefusalReason.CHANGED.value,
                )
            parameters = typed_parameters(entry, wish.parameters)
            self._relay.demand_step_up(WANTED, script.manifest.min_tier)
            order = FixOrder(wish.fix, script.digest, parameters, tuple(wish.devices), wish.reason, wish.group)
            run = self._runs.start(order, title=script.manifest.title, version=script.manifest.version, labels=wish.devices)
        except StepUpNeeded as error:
            return problem(403, "Your passphrase is needed again", str(error), reason="step_up")
        except TooMany as error:
            return problem(429, "Too many runs", str(error))
        except Refused as error:
            return problem(403, "Refused", str(error))
        except HandrailError as error:
            return problem(400, "The fix was not started", str(error))
        return answer_json({"id": run.name}, status=201)

    async def show_run(self, request: web.Request) -> web.Response:
        """GET /api/v1/runs/{id}"""
        run = self._runs.get(request.match_info["id"])
        return _no_run() if run is None else answer_json(run.report())

    async def cancel_run(self, request: web.Request) -> web.Response:
        """DELETE /api/v1/runs/{id}"""
        return web.Response(status=204) if await self._runs.cancel(request.match_info["id"]) else _no_run()

    async def report_json(self, request: web.Request) -> web.Response:
        """GET /api/v1/runs/{id}/report.json"""
        run = self._runs.get(request.match_info["id"])
        return _no_run() if run is None else _file(json_report(run), f"{run.order.fix}.json", "application/json")

    async def report_csv(self, request: web.Request) -> web.Response:
        """GET /api/v1/runs/{id}/report.csv"""
        run = self._runs.get(request.match_info["id"])
        return _no_run() if run is None else _file(csv_report(run), f"{run.order.fix}.csv", "text/csv")

    def _script(self, script: PublishedScript) -> dict[str, Any]:
        manifest = script.manifest
        entry: dict[str, Any] = msgspec.to_builtins(manifest.entry(script.digest))
        return entry | {
            "consent": manifest.consent,
            "os": manifest.os,
            "timeout": manifest.timeout,
            "steps": {
                name: list(step.argv)
                for name in ("detect", "run", "verify", "undo")
                if (step := getattr(manifest, name)) is not None
            },
            "approval": self._approval(script.approval),
            "former": "" if script.former is None else script.former.manifest.version,
        }

    def _approval(self, approval: Approval) -> dict[str, Any]:
        return {
            "version": approval.version,
            "threshold": approval.threshold,
            "signers": [{"key": key, "holder": self._holders.get(key, "")} for key in approval.signers],
            "signed": approval.signed.timestamp(),
            "expires": approval.expires.timestamp(),
        }


def _no_run() -> web.Response:
    return problem(404, "No such run", "It was long ago, or the console was started anew.")


def _file(text: str, name: str, content_type: str) -> web.Response:
    safe = "".join(sign if sign.isalnum() or sign in "-._" else "-" for sign in name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}"'}
    return web.Response(text=text, content_type=content_type, charset="utf-8", headers=headers)


def standing_document(standing: Standing) -> dict[str, Any]:
    """As the page shows it; times in seconds since 1970."""
    return {
        "peer": standing.peer,
        "organisation_name": standing.organisation_name,
        "fingerprint": standing.fingerprint,
        "not_before": standing.not_before.timestamp(),
        "not_after": standing.not_after.timestamp(),
        "renewal_from": standing.renewal_from.timestamp(),
        "renewable": standing.renewable,
        "spki": standing.spki,
        "round_trip": standing.round_trip,
    }


def difference(before: PublishedScript, after: PublishedScript) -> list[str]:
    """The lines of a unified diff: the manifest first, then each file."""
    lines: list[str] = []
    for name in (MANIFEST_NAME, *sorted({*before.files, *after.files})):
        old, new = (_lines(name, script) for script in (before, after))
        lines += difflib.unified_diff(
            old, new, f"{before.manifest.version}/{name}", f"{after.manifest.version}/{name}", n=3, lineterm=""
        )
    return lines[:_DIFF_LINES]


def _lines(name: str, script: PublishedScript) -> list[str]:
    if name == MANIFEST_NAME:
        return _manifest_text(script.manifest).splitlines()
    return _text(script.files[name]).splitlines() if name in script.files else []


def _manifest_text(manifest: ScriptManifest) -> str:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode()


def _text(data: bytes) -> str:
    """A file for people; what is no text by its beginning in base64."""
    try:
        return data.decode()[:_FILE_CHARS]
    except UnicodeDecodeError:
        return f"({len(data)} bytes, no text)\n{base64.b64encode(data[:600]).decode()}"
