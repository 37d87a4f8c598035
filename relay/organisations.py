"""Which organisations this relay serves: their public roots, registered once with a one-time token of the operator."""

import hmac
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from sqlalchemy import delete, select

from protocol.certificates import organisation_id, organisation_name
from protocol.errors import HandrailError
from relay.clock import Clock
from relay.metrics import Metrics, Refusal
from relay.problems import Problem, json_response
from relay.ratelimit import SlidingWindow
from relay.store.database import Database
from relay.store.models import Organisation, RegistrationToken
from relay.surface import Call, Route, read_body, route
from relay.tickets import make_ticket, ticket_hash

_LOGGER = logging.getLogger(__name__)
TOKEN_SECONDS = 7 * 86400.0
BODY_BYTES = 16 * 1024


class Registration(msgspec.Struct, frozen=True):
    """POST /api/v1/organisations: the operator's token, the root certificate (base64 DER), a name to show."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    root: Annotated[bytes, msgspec.Meta(min_length=1, max_length=4096)]
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Registered(msgspec.Struct, frozen=True):
    """201: the organisation's id, the pin of the relay's TLS key ("": trust the system's CAs), the address peers must dial."""

    organisation: str
    relay_spki: str
    origin: str


async def create_token(database: Database, random_bytes: Callable[[int], bytes], wall: float) -> str:
    """A new one-time registration token, good for seven days. Only its hash is kept."""
    token = make_ticket(random_bytes)
    async with database.writing() as session:
        session.add(RegistrationToken(hash=ticket_hash(token), created_at=wall, expires_at=wall + TOKEN_SECONDS, used_by=None))
    return token


class Organisations:
    """The registered roots, kept in memory because every login asks for one."""

    def __init__(
        self, database: Database, metrics: Metrics, clock: Clock, *, origin: str, relay_spki: str, per_minute: int
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._clock = clock
        self._origin = origin
        self._relay_spki = relay_spki
        self._roots: dict[str, bytes] = {}
        self._attempts = SlidingWindow(per_minute, 60.0)

    def routes(self) -> list[Route]:
        """POST /api/v1/organisations."""
        return [route("POST", "/api/v1/organisations", "organisations", self._post)]

    async def load(self) -> int:
        """Read every root; how many there are."""
        async with self._database.reading() as session:
            rows = await session.execute(select(Organisation.id, Organisation.root))
            self._roots = {row.id: row.root for row in rows}
        return len(self._roots)

    def root(self, organisation: str) -> bytes | None:
        """The root certificate (DER) of a registered organisation."""
        return self._roots.get(organisation)

    async def register(self, token: str, root: bytes, name: str) -> str:
        """Use up a token for a root; the organisation's id. The same token and root again give the same answer (a lost reply).

        Raises:
            Problem: 401 wrong token, 400 not a root certificate, 409 another root of this id.
        """
        organisation, own_name = read_root(root)
        wall = self._clock.wall()
        async with self._database.writing() as session:
            row = await session.get(RegistrationToken, ticket_hash(token))
            if row is None or row.expires_at <= wall or row.used_by not in (None, organisation):
                self._metrics.refuse(Refusal.REGISTRATION_TOKEN)
                raise Problem(
                    HTTPStatus.UNAUTHORIZED,
                    "untrusted",
                    "This token is wrong, used or older than a week. The relay's operator can make another: handrail-relay token",
                )
            known = await session.get(Organisation, organisation)
            if known is None:
                session.add(Organisation(id=organisation, name=name or own_name, root=root, registered_at=wall))
            elif not hmac.compare_digest(known.root, root):
                raise Problem(HTTPStatus.CONFLICT, "conflict", "Another root certificate of the same key is registered already.")
            row.used_by = organisation
        self._roots[organisation] = root
        return organisation

    async def expire(self) -> None:
        """Forget tokens that were never used in time."""
        async with self._database.writing() as session:
            await session.execute(
                delete(RegistrationToken).where(
                    RegistrationToken.expires_at < self._clock.wall(), RegistrationToken.used_by.is_(None)
                )
            )

    async def _post(self, call: Call) -> web.StreamResponse:
        now = self._clock.now()
        if self._attempts.blocked(call.key, now):
            self._metrics.refuse(Refusal.RATE)
            wait = self._attempts.retry_after(call.key, now)
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS, "limit", "Too many registrations from this address; wait.", retry_after=wait
            )
        self._attempts.hit(call.key, now)
        body = await read_body(call, BODY_BYTES, self._metrics)
        try:
            wanted = msgspec.json.decode(body, type=Registration)
        except (ValueError, RecursionError) as error:
            self._metrics.refuse(Refusal.BODY)
            raise Problem(HTTPStatus.BAD_REQUEST, "invalid", f"Not a registration: {error}") from error
        organisation = await self.register(wanted.token, wanted.root, wanted.name)
        _LOGGER.info("organisation registered", extra={"organisation": organisation})
        return json_response(Registered(organisation, self._relay_spki, self._origin), HTTPStatus.CREATED)


def read_root(root: bytes) -> tuple[str, str]:
    """Id and own name of a self-signed root certificate (DER).

    Raises:
        Problem: 400, it is none.
    """
    wrong = Problem(HTTPStatus.BAD_REQUEST, "invalid", "The root is not a self-signed root certificate of an organisation.")
    try:
        certificate = x509.load_der_x509_certificate(root)
        certificate.verify_directly_issued_by(certificate)
        return organisation_id(root), organisation_name(root)
    except (ValueError, TypeError, InvalidSignature, HandrailError) as error:
        raise wrong from error
