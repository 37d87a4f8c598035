"""Registering: the token, the pin, and what the relay may answer."""

from pathlib import Path

import pytest

from hostio.errors import RelayUnreachable
from protocol.errors import Refused, TrustError
from protocol.relay_address import RelayAddressError
from technician_client.organisation.registering import find_pin, register, root_words, short_pin
from tests.kit.founded import Founded
from tests.kit.http_relay import http_relay
from tests.kit.processes import free_port


def test_the_relay_is_written_down_as_it_wants_to_be_dialled(tmp_path: Path) -> None:
    founded = Founded(tmp_path, relay="")
    with http_relay() as relay:
        record = register(founded.home, founded.record, url=f"{relay.url}/", token="token")
        assert record.relay == relay.url and founded.home.registered() == record
        register(founded.home, record, url=relay.url, token="token")


def test_a_wrong_token_is_refused_with_advice(tmp_path: Path) -> None:
    founded = Founded(tmp_path, relay="")
    with http_relay() as relay, pytest.raises(Refused, match="handrail-relay token"):
        register(founded.home, founded.record, url=relay.url, token="wrong")
    assert founded.record.relay == ""


def test_a_relay_that_answers_for_another_organisation_is_not_used(tmp_path: Path) -> None:
    founded = Founded(tmp_path, relay="")
    with http_relay() as relay:
        relay.organisation = "f" * 16
        with pytest.raises(TrustError, match="another organisation"):
            register(founded.home, founded.record, url=relay.url, token="token")
        relay.bodies["/api/v1/organisations"] = b"hello"
        with pytest.raises(RelayUnreachable):
            register(founded.home, founded.record, url=relay.url, token="token")
        relay.statuses["/api/v1/organisations"] = 503
        with pytest.raises(RelayUnreachable):
            register(founded.home, founded.record, url=relay.url, token="token")


def test_a_pin_is_given_or_the_systems_authorities_judge() -> None:
    assert find_pin("https://relay.example", "AB:CD") == "abcd"
    assert find_pin("https://relay.example", "") == ""
    assert find_pin("http://127.0.0.1:1", "") == ""
    with pytest.raises(RelayAddressError):
        find_pin("http://relay.example", "")
    with pytest.raises(RelayUnreachable, match="handrail-relay serve"):
        find_pin(f"https://127.0.0.1:{free_port()}", "")


def test_pins_and_roots_are_shown_for_people(tmp_path: Path) -> None:
    assert short_pin("ab" * 32).startswith("abab:abab") and "authorities" in short_pin("")
    assert len(root_words(Founded(tmp_path).record).split()) == 8
