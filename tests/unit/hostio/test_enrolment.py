"""Bundles, and requests to the signer through a relay that may be slow, away or strange."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hostio.enrolment import exchange, read_bundle
from hostio.errors import RelayUnreachable, UnreadableFile
from hostio.relay_http import RelayHttp
from protocol.documents import canonical_json
from protocol.errors import HandrailError, Refused, TrustError, Unavailable
from tests.kit.founded import Founded
from tests.kit.http_relay import HttpRelay, http_relay
from tests.kit.processes import free_port


@pytest.fixture
def relay() -> Iterator[HttpRelay]:
    with http_relay() as running:
        yield running


def ask(url: str, wait_seconds: float = 0.3, told: list[str] | None = None) -> bytes:
    progress = (told if told is not None else []).append
    return exchange(RelayHttp(url, ""), "org", "device", "token", b"request", lambda: datetime.now(UTC), wait_seconds, progress)


def test_an_answer_is_waited_for(relay: HttpRelay) -> None:
    asked: list[bytes] = []

    def answer(document: bytes) -> bytes | None:
        asked.append(document)
        return b"answer" if len(asked) == 3 else None

    relay.answer = answer
    assert ask(relay.url, wait_seconds=30) == b"answer"
    assert asked == [b"request"] * 3 and relay.documents == [b"request"]


def test_a_signer_that_does_not_answer_is_named_and_may_answer_later(relay: HttpRelay) -> None:
    with pytest.raises(Unavailable, match="handrail signer") as silent:
        ask(relay.url)
    assert silent.value.retry_after == 60.0


class QuickTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_who_waits_long_is_told_once(relay: HttpRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, told = QuickTime(), list[str]()
    monkeypatch.setattr("hostio.enrolment.time", clock)
    with pytest.raises(Unavailable):
        ask(relay.url, wait_seconds=10.0, told=told)
    assert told == ["Waiting for the organisation's signer ..."]
    assert 8.0 <= clock.now <= 10.0


@pytest.mark.parametrize(
    ("status", "kind"), [(503, RelayUnreachable), (429, RelayUnreachable), (404, Refused), (500, RelayUnreachable)]
)
def test_a_relay_that_does_not_take_it_says_why(relay: HttpRelay, status: int, kind: type[HandrailError]) -> None:
    relay.statuses["/api/v1/enrolments"] = status
    with pytest.raises(kind, match="Come back later"):
        ask(relay.url)


def test_relays_that_are_away_or_strange_or_forgetful_are_told(relay: HttpRelay) -> None:
    with pytest.raises(RelayUnreachable, match="does not answer"):
        ask(f"http://127.0.0.1:{free_port()}")
    relay.bodies["/api/v1/enrolments"] = b"<html>"
    relay.statuses["/api/v1/enrolments"] = 202
    with pytest.raises(RelayUnreachable, match="another version"):
        ask(relay.url)
    relay.bodies.clear()
    relay.statuses = {"/api/v1/enrolments/0": 404}
    with pytest.raises(RelayUnreachable, match="lost the request"):
        ask(relay.url)


def test_a_clock_that_is_a_day_off_is_named(relay: HttpRelay) -> None:
    relay.date = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(TrustError, match="timedatectl set-ntp true"):
        ask(relay.url)


def test_bundle_files_are_read_with_advice(tmp_path: Path) -> None:
    bundle = Founded(tmp_path, relay="https://relay.example:8443").device_bundle()
    path = tmp_path / "x.handrail"
    path.write_bytes(canonical_json(bundle))
    assert read_bundle(path) == bundle
    with pytest.raises(UnreadableFile, match=r"\.handrail file"):
        read_bundle(tmp_path / "none.handrail")
    path.write_bytes(b"hello")
    with pytest.raises(TrustError, match="Ask your administrator"):
        read_bundle(path)
