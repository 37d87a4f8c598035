"""The console's routes for past sessions.

GET    /api/v1/past                        every session of which something is kept, the newest first
GET    /api/v1/past/{session}              one, with its records in words
GET    /api/v1/past/{session}/export       ?form=md, html or json: as a file
"""

import asyncio
import re
from typing import Any, Final

from aiohttp import web

from protocol.errors import HandrailError
from technician_client.console.answers import answer_json, problem
from technician_client.errors import Ambiguous, NotFound
from technician_client.past import PastSession, document, past_session, past_sessions, to_json
from technician_client.past_words import event_words, fix_words, plain, to_html, to_markdown
from technician_client.recordings.names import SUFFIX
from technician_client.settings import Settings

_FORMS: Final = {
    "md": (to_markdown, "text/markdown"),
    "html": (to_html, "text/html"),
    "json": (to_json, "application/json"),
}
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")


def past_row(past: PastSession) -> dict[str, Any]:
    """One line of the list."""
    return {
        "session": past.session,
        "device": past.device,
        "label": past.label,
        "technician": past.technician,
        "reason": past.reason,
        "opened_at": past.opened_at,
        "ended_at": past.ended_at,
        "fault": past.fault,
        "noted": bool(past.note),
        "fixes": len(past.fixes),
        "files": len(past.files),
        "recordings": len(past.recordings),
    }


class PastApi:
    """The handlers. Everything is behind the guard: see `console.guard`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def add_routes(self, application: web.Application) -> None:
        """Add every route of the module's table."""
        router = application.router
        router.add_get("/api/v1/past", self.list)
        router.add_get("/api/v1/past/{session}", self.one)
        router.add_get("/api/v1/past/{session}/export", self.export)

    async def list(self, _request: web.Request) -> web.Response:
        """GET /api/v1/past"""
        rows = await asyncio.to_thread(past_sessions, self._settings)
        return answer_json({"sessions": [_plain(past_row(row)) for row in rows]})

    async def one(self, request: web.Request) -> web.Response:
        """GET /api/v1/past/{session}"""
        try:
            past = await self._past(request)
        except HandrailError as error:
            return _not_there(error)
        there = [name for name in past.recordings if (self._settings.recordings_directory / f"{name}{SUFFIX}").is_file()]
        told = document(past) | {
            "recordings": [{"name": name, "there": name in there} for name in past.recordings],
            "fixes": [dict(zip(("name", "outcome", "changed"), fix_words(fix), strict=True)) for fix in past.fixes],
            "records": [{"at": record.at, "words": event_words(record)} for record in past.records],
        }
        return answer_json(_plain(told))

    async def export(self, request: web.Request) -> web.Response:
        """GET /api/v1/past/{session}/export"""
        form = request.query.get("form", "md")
        if form not in _FORMS:
            return problem(400, "No such form", f"Choose one of {', '.join(_FORMS)}.")
        try:
            past = await self._past(request)
        except HandrailError as error:
            return _not_there(error)
        write, kind = _FORMS[form]
        name = f"session-{_UNSAFE.sub('-', past.session)[:64]}.{form}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(text=write(past), content_type=kind, charset="utf-8", headers=headers)

    async def _past(self, request: web.Request) -> PastSession:
        """Raises: NotFound: also for "last" and beginnings, which only the command line knows."""
        name = request.match_info["session"]
        past = await asyncio.to_thread(past_session, self._settings, name)
        if past.session != name:
            raise NotFound("Nothing is kept of this session (any more).")
        return past


def _plain(value: Any) -> Any:
    """Every text in it without control and direction characters: a page would draw the latter."""
    match value:
        case str():
            return plain(value, lines=True)
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case _:
            return value


def _not_there(error: HandrailError) -> web.Response:
    status = 404 if isinstance(error, NotFound | Ambiguous) else 500
    return problem(status, "No such session", str(error))
