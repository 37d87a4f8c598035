"""The TUF mirror: files of an organisation's repository as rows. Anybody reads, only its signer writes.

What is in the files is none of the relay's business: agents verify signatures, versions and expiry themselves.
"""

import hashlib
import logging
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert

from protocol.limits import LIMITS, Limits
from protocol.link_messages import RepositoryChanged
from relay.clock import Clock
from relay.config import Bounds
from relay.links import LinkHub
from relay.metrics import Metrics, Refusal
from relay.problems import Problem, bearer
from relay.pruning import KEPT_VERSIONS, TIMESTAMP, Survey
from relay.store.database import Database, StoreError
from relay.store.models import RepositoryFile
from relay.surface import Call, Route, read_body, route
from relay.tickets import UploadTickets

_LOGGER = logging.getLogger(__name__)
SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,149}"
ORGANISATION = r"(?P<organisation>[0-9a-f]{16})"
PATH = rf"(?P<path>metadata/{SEGMENT}\.json|targets/{SEGMENT}(?:/{SEGMENT}){{0,7}})"
LONGEST = 500
SUPERSEDED_SECONDS = 24 * 3600.0
"""How old a superseded file must be before it goes: somebody may be reading the older state, or a second signer be uploading."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Stored:
    """One file as it stands."""

    body: bytes
    sha256: bytes


class Repository:
    """Rows in, rows out, and the routes for both."""

    def __init__(
        self,
        database: Database,
        tickets: UploadTickets,
        hub: LinkHub,
        metrics: Metrics,
        clock: Clock,
        bounds: Bounds,
        limits: Limits = LIMITS,
    ) -> None:
        self._database = database
        self._tickets = tickets
        self._hub = hub
        self._metrics = metrics
        self._clock = clock
        self._bounds = bounds
        self._limits = limits

    def routes(self) -> list[Route]:
        """GET and PUT /tuf/<organisation>/metadata/<file>.json and .../targets/<path>."""
        pattern = f"/tuf/{ORGANISATION}/{PATH}"
        return [route("GET", pattern, "tuf", self._get), route("PUT", pattern, "tuf", self._put)]

    async def read(self, organisation: str, path: str) -> Stored | None:
        """A file, or None."""
        async with self._database.reading() as session:
            file = await session.get(RepositoryFile, (organisation, path))
        return None if file is None else Stored(file.body, file.sha256)

    async def write(self, organisation: str, path: str, body: bytes) -> None:
        """Create or replace a file; a new timestamp is announced to every link of the organisation.

        Raises:
            Problem: 507 when the organisation's bounds of files or bytes are reached; nothing was written.
        """
        digest = hashlib.sha256(body).digest()
        values = {
            "organisation": organisation,
            "path": path,
            "body": body,
            "sha256": digest,
            "size": len(body),
            "written_at": self._clock.wall(),
        }
        fresh = {name: values[name] for name in ("body", "sha256", "size", "written_at")}
        async with self._database.writing() as session:
            others = select(func.count(), func.coalesce(func.sum(RepositoryFile.size), 0)).where(
                RepositoryFile.organisation == organisation, RepositoryFile.path != path
            )
            count, size = (await session.execute(others)).one()
            if count >= self._bounds.repository_files or size + len(body) > self._bounds.repository_bytes:
                self._metrics.refuse(Refusal.REPOSITORY_FULL)
                raise Problem(
                    HTTPStatus.INSUFFICIENT_STORAGE,
                    "limit",
                    "This organisation's repository is full. The operator can raise repository_files or repository_bytes.",
                )
            await session.execute(
                insert(RepositoryFile).values(values).on_conflict_do_update(index_elements=["organisation", "path"], set_=fresh)
            )
        self._metrics.uploads.inc()
        if path == TIMESTAMP:
            self._hub.tell(organisation, RepositoryChanged())
            try:
                await self.prune(organisation)
            except StoreError as error:  # what was published stands; the next timestamp tries again
                _LOGGER.warning("superseded files were not removed: %s", error, extra={"organisation": organisation})

    async def prune(self, organisation: str) -> int:
        """Remove what a published timestamp has superseded and nobody reads any more; returns how many files went.

        Each step leaves a repository that is whole, wherever it stops: only what no kept file names is ever removed.

        Raises:
            StoreError: the database does not work.
        """
        async with self._database.reading() as session:
            rows = await session.execute(select(RepositoryFile.path).where(RepositoryFile.organisation == organisation))
            survey = Survey(rows.scalars().all(), KEPT_VERSIONS)
            for path in survey.wanted:
                body = await session.scalar(
                    select(RepositoryFile.body).where(RepositoryFile.organisation == organisation, RepositoryFile.path == path)
                )
                survey.look(path, body or b"")
        gone = sorted(survey.superseded())
        removed = 0
        for start in range(0, len(gone), _AT_ONCE):
            doomed = delete(RepositoryFile).where(
                RepositoryFile.organisation == organisation,
                RepositoryFile.path.in_(gone[start : start + _AT_ONCE]),
                # As it stands now: what was written again meanwhile is wanted again.
                RepositoryFile.written_at <= self._clock.wall() - SUPERSEDED_SECONDS,
            )
            async with self._database.writing() as session:
                removed += len((await session.execute(doomed.returning(RepositoryFile.path))).all())
        if removed:
            self._metrics.pruned.inc(removed)
            _LOGGER.info("%d superseded repository files removed", removed, extra={"organisation": organisation})
        return removed

    async def _get(self, call: Call) -> web.StreamResponse:
        organisation, path = call.parts["organisation"], call.parts["path"]
        stored = await self.read(organisation, path) if len(path) <= LONGEST else None
        if stored is None:
            raise Problem(HTTPStatus.NOT_FOUND, "not_found", "No such file in this organisation's repository.")
        etag = f'"{stored.sha256.hex()}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if call.request.headers.get("If-None-Match") == etag:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        kind = "application/json" if path.startswith("metadata/") else "application/octet-stream"
        return web.Response(body=stored.body, content_type=kind, headers=headers)

    async def _put(self, call: Call) -> web.StreamResponse:
        organisation, path = call.parts["organisation"], call.parts["path"]
        if self._tickets.organisation(bearer(call.request), self._clock.now()) != organisation or len(path) > LONGEST:
            self._metrics.refuse(Refusal.UPLOAD_TICKET)
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "untrusted",
                "Writing needs an upload ticket, which the organisation's signer gets on its link.",
            )
        body = await read_body(call, self._limits.repository_file_bytes, self._metrics)
        await self.write(organisation, path, body)
        _LOGGER.info("repository file written: %s", path, extra={"organisation": organisation})
        return web.Response(status=HTTPStatus.NO_CONTENT)
