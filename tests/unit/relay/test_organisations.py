"""Registering an organisation."""

import secrets
import time
from base64 import b64encode
from http import HTTPStatus
from pathlib import Path

import pytest

from relay.metrics import Metrics, Refusal
from relay.organisations import Organisations, create_token, read_root
from relay.problems import Problem
from relay.store.database import Database
from tests.kit.organisation import Organisation
from tests.kit.relays import HandClock, serving


@pytest.fixture
def organisations(database: Database, metrics: Metrics, clock: HandClock) -> Organisations:
    return Organisations(database, metrics, clock, origin="https://relay.example", relay_spki="ab" * 32, per_minute=10)


async def token(database: Database) -> str:
    return await create_token(database, secrets.token_bytes, time.time())


async def refused(organisations: Organisations, text: str, root: bytes) -> HTTPStatus:
    with pytest.raises(Problem) as caught:
        await organisations.register(text, root, "x")
    return caught.value.status


async def test_a_token_registers_one_organisation_once(
    organisations: Organisations, database: Database, metrics: Metrics
) -> None:
    org, other, text = Organisation(), Organisation(), await token(database)
    assert await organisations.register(text, org.root, "") == org.id
    assert organisations.root(org.id) == org.root
    assert await organisations.register(text, org.root, "") == org.id, "the answer may have been lost"
    assert await refused(organisations, text, other.root) is HTTPStatus.UNAUTHORIZED
    assert organisations.root(other.id) is None
    assert metrics.refused(Refusal.REGISTRATION_TOKEN) == 1


async def test_roots_are_there_after_a_restart(organisations: Organisations, database: Database, metrics: Metrics) -> None:
    org = Organisation()
    await organisations.register(await token(database), org.root, "Named")
    again = Organisations(database, metrics, HandClock(), origin="https://x", relay_spki="", per_minute=1)
    assert await again.load() == 1
    assert again.root(org.id) == org.root


async def test_a_token_lives_a_week(organisations: Organisations, database: Database, clock: HandClock) -> None:
    text = await token(database)
    clock.ahead += 7 * 86400 + 1
    assert await refused(organisations, text, Organisation().root) is HTTPStatus.UNAUTHORIZED
    await organisations.expire()


async def test_a_wrong_token_is_refused(organisations: Organisations) -> None:
    assert await refused(organisations, "guess", Organisation().root) is HTTPStatus.UNAUTHORIZED


async def test_only_a_self_signed_root_is_one(organisations: Organisations, database: Database) -> None:
    org, text = Organisation(), await token(database)
    for root in (b"", b"garbage", org.device().chain[0], org.device().chain[1]):
        assert await refused(organisations, text, root) is HTTPStatus.BAD_REQUEST
    assert await organisations.register(text, org.root, "") == org.id
    assert read_root(org.root) == (org.id, "Example Ltd")


async def test_by_post(tmp_path: Path) -> None:
    org = Organisation()
    async with serving(tmp_path, relay_spki="cd" * 32) as client, client.http() as http:
        text = await token(client.relay.database)
        wanted = {"token": text, "root": b64encode(org.root).decode(), "name": "Example Ltd"}
        async with http.post("/api/v1/organisations", json=wanted) as answer:
            assert answer.status == 201
            assert await answer.json() == {"organisation": org.id, "relay_spki": "cd" * 32, "origin": client.url}
        for body in (b"", b"[]", b"{", b'{"token": 1}', b'{"token":"x","root":"!!"}', b"[" * 10_000):
            async with http.post("/api/v1/organisations", data=body) as answer:
                assert answer.status == 400
                assert answer.content_type == "application/problem+json"
        async with http.post("/api/v1/organisations", data=b"x" * 17_000) as answer:
            assert answer.status == 413


async def test_guessing_tokens_is_slow(tmp_path: Path) -> None:
    async with serving(tmp_path) as client, client.http() as http:
        for _ in range(10):
            async with http.post("/api/v1/organisations", data=b"{}") as answer:
                assert answer.status == 400
        async with http.post("/api/v1/organisations", data=b"{}") as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) > 0
        assert client.relay.metrics.refused(Refusal.RATE) == 1
