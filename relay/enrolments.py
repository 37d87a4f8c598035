"""New peers: their request goes to the signer's mailbox, its answer waits for whoever holds the poll token.

The relay reads neither: the request is tagged with a secret of the enrolment bundle, or signed, and so is the answer.
"""

import hmac
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from sqlalchemy import delete, func, select

from protocol.errors import Refused
from protocol.limits import LIMITS, Limits
from protocol.link_messages import OrganisationId
from relay.clock import Clock
from relay.config import Bounds
from relay.mailbox import ENROLMENT, SIGNER, Letter, Mailbox
from relay.metrics import Loss, Metrics, Refusal
from relay.organisations import Organisations
from relay.problems import Problem, bearer, json_response
from relay.ratelimit import SlidingWindow
from relay.store.database import Database
from relay.store.models import Enrolment
from relay.surface import Call, Route, read_body, route
from relay.tickets import make_ticket, ticket_hash

_LOGGER = logging.getLogger(__name__)
BODY_BYTES = 16 * 1024
ID_BYTES = 12
ANSWER_KIND = "enrolment.answer"


class EnrolmentPost(msgspec.Struct, frozen=True):
    """POST /api/v1/enrolments. `request`: base64 of the tagged or signed document, opaque here."""

    organisation: OrganisationId
    request: Annotated[bytes, msgspec.Meta(min_length=1, max_length=BODY_BYTES)]
    kind: Literal["device", "technician", "renewal", "approval"]
    token_id: Annotated[str, msgspec.Meta(max_length=64)] = ""


class EnrolmentTaken(msgspec.Struct, frozen=True):
    """202: poll GET /api/v1/enrolments/<enrolment> with the token as bearer."""

    enrolment: str
    poll_token: str


class EnrolmentState(msgspec.Struct, frozen=True, omit_defaults=True):
    """200: "waiting", or "answered" with the signer's document (base64)."""

    status: Literal["waiting", "answered"]
    answer: bytes | None = None


class Enrolments:
    """Takes requests, keeps answers."""

    def __init__(
        self,
        database: Database,
        organisations: Organisations,
        mailbox: Mailbox,
        failures: SlidingWindow,
        metrics: Metrics,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        bounds: Bounds,
        limits: Limits = LIMITS,
    ) -> None:
        self._database = database
        self._organisations = organisations
        self._mailbox = mailbox
        self._failures = failures
        self._metrics = metrics
        self._clock = clock
        self._random_bytes = random_bytes
        self._bounds = bounds
        self._limits = limits
        self._posts = SlidingWindow(bounds.enrolments_per_minute, 60.0)

    def routes(self) -> list[Route]:
        """POST /api/v1/enrolments and GET /api/v1/enrolments/<id>."""
        one = rf"/api/v1/enrolments/(?P<enrolment>[0-9a-f]{{{2 * ID_BYTES}}})"
        return [route("POST", "/api/v1/enrolments", "enrolments", self._post), route("GET", one, "enrolment", self._get)]

    async def answer(self, organisation: str, recipient: str, body: bytes) -> bool:
        """The signer's answer to "enrolment<id>" of its own organisation. False when there is no such request.

        A second answer replaces the first: the signer may have been cut off while it answered."""
        async with self._database.writing() as session:
            row = await session.get(Enrolment, recipient.removeprefix(ENROLMENT))
            if row is None or row.organisation != organisation:
                return False
            row.answer, row.answered_at = body, self._clock.wall()
        return True

    async def expire(self) -> int:
        """Forget old requests, answered or not; how many were never answered."""
        oldest = self._clock.wall() - self._limits.mailbox_seconds
        async with self._database.writing() as session:
            rows = await session.execute(delete(Enrolment).where(Enrolment.created_at < oldest).returning(Enrolment.answered_at))
            unanswered = sum(row.answered_at is None for row in rows)
        self._metrics.lose(Loss.ENROLMENT_EXPIRED, unanswered)
        return unanswered

    async def _post(self, call: Call) -> web.StreamResponse:
        now = self._clock.now()
        if self._posts.blocked(call.key, now):
            self._metrics.refuse(Refusal.RATE)
            wait = self._posts.retry_after(call.key, now)
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "limit", "Too many enrolments from this address; wait.", retry_after=wait)
        self._posts.hit(call.key, now)
        body = await read_body(call, BODY_BYTES, self._metrics)
        try:
            post = msgspec.json.decode(body, type=EnrolmentPost)
        except (ValueError, RecursionError) as error:
            self._metrics.refuse(Refusal.BODY)
            raise Problem(HTTPStatus.BAD_REQUEST, "invalid", f"Not an enrolment: {error}") from error
        if self._organisations.root(post.organisation) is None:
            raise Problem(
                HTTPStatus.NOT_FOUND, "not_found", "This relay does not serve that organisation; is the bundle for another relay?"
            )
        return json_response(await self._take(post), HTTPStatus.ACCEPTED)

    async def _take(self, post: EnrolmentPost) -> EnrolmentTaken:
        identifier, token = self._random_bytes(ID_BYTES).hex(), make_ticket(self._random_bytes)
        full = "Too many enrolments wait for this organisation's signer; is it running? Try again later."
        async with self._database.writing() as session:
            waiting = await session.scalar(
                select(func.count()).where(Enrolment.organisation == post.organisation, Enrolment.answered_at.is_(None))
            )
            if (waiting or 0) >= self._bounds.waiting_enrolments:
                self._metrics.refuse(Refusal.MAILBOX_FULL)
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "limit", full, retry_after=300)
            session.add(
                Enrolment(
                    id=identifier,
                    organisation=post.organisation,
                    kind=post.kind,
                    token_id=post.token_id,
                    poll_hash=ticket_hash(token),
                    created_at=self._clock.wall(),
                )
            )
        try:
            await self._mailbox.store(Letter(post.organisation, SIGNER, ENROLMENT + identifier, ENROLMENT, post.request))
        except Refused as error:
            async with self._database.writing() as session:
                await session.execute(delete(Enrolment).where(Enrolment.id == identifier))
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "limit", full, retry_after=300) from error
        self._metrics.enrolments.labels(post.kind).inc()
        _LOGGER.info("enrolment %s taken", identifier, extra={"organisation": post.organisation})
        return EnrolmentTaken(identifier, token)

    async def _get(self, call: Call) -> web.StreamResponse:
        now = self._clock.now()
        if self._failures.blocked(call.key, now):
            self._metrics.refuse(Refusal.FAILED_LOGINS)
            wait = self._failures.retry_after(call.key, now)
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS, "limit", "Too many failed attempts from this address; wait.", retry_after=wait
            )
        async with self._database.reading() as session:
            row = await session.get(Enrolment, call.parts["enrolment"])
        if row is None or not hmac.compare_digest(row.poll_hash, ticket_hash(bearer(call.request))):
            self._metrics.refuse(Refusal.POLL_TOKEN)
            self._failures.hit(call.key, now)
            raise Problem(
                HTTPStatus.NOT_FOUND, "not_found", "No such enrolment, or not this token; it may be older than two weeks."
            )
        if row.answer is None:
            return json_response(EnrolmentState("waiting"))
        return json_response(EnrolmentState("answered", row.answer))
