"""What every HTTP request passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
import yarl
from aiohttp import ClientSession, web
from aiohttp.test_utils import RawTestServer, TestClient

from relay.addresses import parse_networks
from relay.metrics import Loss, Metrics, Refusal
from relay.problems import Problem, json_response
from relay.store.database import StoreError
from relay.surface import Call, Surface, read_body, route


async def echo(call: Call) -> web.StreamResponse:
    return json_response({"parts": dict(call.parts), "address": str(call.address), "key": call.key})


@asynccontextmanager
async def client(metrics: Metrics, **options: Any) -> AsyncIterator[TestClient[web.BaseRequest, web.Application]]:
    async def body(call: Call) -> web.StreamResponse:
        return web.Response(body=await read_body(call, 10, metrics, seconds=0.2))

    async def broken(_call: Call) -> web.StreamResponse:
        raise StoreError("The disk is full.")

    async def problem(_call: Call) -> web.StreamResponse:
        raise Problem(HTTPStatus.CONFLICT, "conflict", "No.")

    async def old(_call: Call) -> web.StreamResponse:
        raise web.HTTPGone(text="it was here")

    routes = [
        route("GET", "/thing/(?P<id>[a-z]+)", "thing", echo),
        route("POST", "/body", "body", body),
        route("PUT", "/body", "body", body),
        route("GET", "/broken", "broken", broken),
        route("GET", "/problem", "problem", problem),
        route("GET", "/old", "old", old),
    ]
    async with TestClient(RawTestServer(Surface(routes, metrics, **options).handle)) as made:
        yield made


async def test_a_route_takes_its_parts_and_headers_are_set(metrics: Metrics) -> None:
    async with client(metrics) as http, http.get("/thing/abc?x=1") as answer:
        assert await answer.json() == {"parts": {"id": "abc"}, "address": "127.0.0.1", "key": "127.0.0.1"}
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "handrail-relay"
    value = metrics.registry.get_sample_value("handrail_relay_http_requests_total", {"route": "thing", "status": "200"})
    assert value == 1


@pytest.mark.parametrize(
    "path", ["/", "/thing", "/thing/", "/thing/ABC", "/thing/a/b", "/thing/a%62", "/thing/a;b", "//thing/a", "/setup"]
)
async def test_there_is_nothing_else(metrics: Metrics, path: str) -> None:
    async with client(metrics) as http:
        url = yarl.URL(f"{str(http.make_url('/')).rstrip('/')}{path}", encoded=True)
        async with ClientSession() as session, session.get(url) as answer:
            assert answer.status == 404
            assert answer.content_type == "application/problem+json"


async def test_a_wrong_method_is_told_the_right_ones(metrics: Metrics) -> None:
    async with client(metrics) as http:
        async with http.delete("/body") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST, PUT")
        async with http.head("/thing/a") as answer:
            assert answer.status == 200


@pytest.mark.parametrize("path", ["/thing/a", "/problem", "/nothing"])
async def test_any_origin_is_refused(metrics: Metrics, path: str) -> None:
    async with client(metrics) as http, http.get(path, headers={"Origin": "null"}) as answer:
        assert (answer.status, (await answer.json(content_type=None))["reason"]) == (403, "origin")
    assert metrics.refused(Refusal.ORIGIN) == 1


async def test_problems_and_faults_are_answers(metrics: Metrics) -> None:
    async with client(metrics) as http:
        for path, status, reason in (("/problem", 409, "conflict"), ("/broken", 503, "database"), ("/old", 410, "refused")):
            async with http.get(path) as answer:
                assert (answer.status, (await answer.json(content_type=None))["reason"]) == (status, reason)
    assert metrics.lost(Loss.INTERNAL_ERROR) == 1


async def test_bodies_are_bounded_in_size_time_and_kind(metrics: Metrics) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.05)

    async def large() -> AsyncIterator[bytes]:
        yield b"x" * 6
        yield b"x" * 6

    async with client(metrics) as http:
        async with http.post("/body", data=b"x" * 10) as answer:
            assert (answer.status, await answer.read()) == (200, b"x" * 10)
        async with http.post("/body", data=b"x" * 11) as answer:
            assert answer.status == 413
        async with http.post("/body", data=large()) as answer:
            assert answer.status == 413
        async with http.post("/body", data=b"x", headers={"Content-Encoding": "gzip"}) as answer:
            assert answer.status == 415
        async with http.post("/body", data=endless()) as answer:
            assert answer.status == 408
    assert metrics.refused(Refusal.BODY) == 4


async def test_behind_a_proxy_the_real_address_counts(metrics: Metrics) -> None:
    proxies = parse_networks(["127.0.0.0/8"])
    header = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9"}
    async with client(metrics, proxies=proxies, proxied=True) as http, http.get("/thing/a", headers=header) as answer:
        assert (await answer.json())["address"] == "203.0.113.9"
    async with client(metrics) as http, http.get("/thing/a", headers={"X-Forwarded-For": "203.0.113.9"}) as answer:
        assert (await answer.json())["address"] == "127.0.0.1"


async def test_plain_http_from_elsewhere_is_refused(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.BaseRequest, "remote", "203.0.113.9")
    async with client(metrics, proxied=True) as http, http.get("/thing/a") as answer:
        assert (answer.status, (await answer.json(content_type=None))["reason"]) == (403, "not_proxied")
    assert metrics.refused(Refusal.NOT_PROXIED) == 1
