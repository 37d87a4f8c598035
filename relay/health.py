"""/healthz, /readyz, /metrics, /version."""

from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web

from protocol.version import OLDEST_PROTOCOL, PRODUCT, PROTOCOL
from relay.addresses import Network, within
from relay.metrics import CONTENT_TYPE, Metrics, Refusal
from relay.problems import Problem, json_response
from relay.store.database import Database
from relay.surface import Call, Route, route


class Health:
    """What probes and Prometheus ask for. None of it names a peer or an organisation."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        draining: Callable[[], bool],
        metrics_networks: tuple[Network, ...],
        refresh: Callable[[], None],
    ) -> None:
        """`refresh` is called before /metrics is written, to set gauges that are computed."""
        self._database = database
        self._metrics = metrics
        self._draining = draining
        self._metrics_networks = metrics_networks
        self._refresh = refresh

    def routes(self) -> list[Route]:
        """The four."""
        return [
            route("GET", "/healthz", "healthz", self._healthz),
            route("GET", "/readyz", "readyz", self._readyz),
            route("GET", "/metrics", "metrics", self._scrape),
            route("GET", "/version", "version", self._version),
        ]

    async def _healthz(self, _call: Call) -> web.StreamResponse:
        return json_response({"status": "ok"})

    async def _readyz(self, _call: Call) -> web.StreamResponse:
        if self._draining():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "shutting_down", "The relay is stopping.")
        if not await self._database.ping():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "database", "The relay's database does not answer.")
        return json_response({"status": "ready"})

    async def _scrape(self, call: Call) -> web.StreamResponse:
        if not within(call.address, self._metrics_networks):
            self._metrics.refuse(Refusal.NOT_ALLOWED)
            raise Problem(HTTPStatus.FORBIDDEN, "not_allowed", "Metrics are read from the addresses in metrics_from only.")
        self._refresh()
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _version(self, _call: Call) -> web.StreamResponse:
        return json_response(
            {"product": "handrail-relay", "version": PRODUCT, "protocol": PROTOCOL, "oldest_protocol": OLDEST_PROTOCOL}
        )
