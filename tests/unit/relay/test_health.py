"""Probes and metrics."""

from pathlib import Path

from protocol.version import PRODUCT, PROTOCOL
from relay.metrics import Refusal
from tests.kit.relays import serving


async def test_the_four_answer(tmp_path: Path) -> None:
    async with serving(tmp_path) as client, client.http() as http:
        async with http.get("/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok"})
        async with http.get("/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ready"})
        async with http.get("/version") as answer:
            version = await answer.json()
            assert (version["version"], version["protocol"]) == (PRODUCT, PROTOCOL)
        async with http.get("/metrics") as answer:
            assert answer.content_type == "text/plain"
            text = await answer.text()
    assert "handrail_relay_code_locked_organisations 0.0" in text
    assert 'handrail_relay_http_requests_total{route="healthz",status="200"} 1.0' in text
    assert "handrail_relay_connections 1.0" in text


async def test_metrics_are_for_the_named_networks_only(tmp_path: Path) -> None:
    async with serving(tmp_path, metrics_from=["192.0.2.0/24"]) as client, client.http() as http:
        async with http.get("/metrics") as answer:
            assert answer.status == 403
        assert client.relay.metrics.refused(Refusal.NOT_ALLOWED) == 1


async def test_a_relay_without_its_database_is_alive_but_not_ready(tmp_path: Path) -> None:
    async with serving(tmp_path) as client, client.http() as http:
        await client.relay.database.close()
        client.relay.database.path.unlink()
        client.relay.database.path.mkdir()
        async with http.get("/readyz") as answer:
            assert (answer.status, (await answer.json(content_type=None))["reason"]) == (503, "database")
        async with http.get("/healthz") as answer:
            assert answer.status == 200
