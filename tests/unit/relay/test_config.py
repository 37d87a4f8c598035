"""relay.toml."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from relay.config import Bounds, ConfigError, RelayConfig, load, origin_of, split_listen, template


def written(tmp_path: Path, text: str = "", **changes: str) -> Path:
    path = tmp_path / "relay.toml"
    lines = {"public_url": '"https://relay.example:8443"', "tls_certificate": '"c.pem"', "tls_key": '"k.pem"'} | changes
    path.write_text("\n".join(f"{key} = {value}" for key, value in lines.items()) + "\n" + text)
    return path


def error(path: Path, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environment or {})
    return str(caught.value)


def test_the_template_loads_and_names_every_key(tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    path.write_text(
        template(listen="[::]:8443", public_url="https://r.example", tls="files", certificate='odd"name.pem', key="k\\ey.pem")
    )
    config = load(path, {})
    assert config.address == ("::", 8443)
    assert config.tls_certificate == 'odd"name.pem'
    assert config.tls_key == "k\\ey.pem"
    defaults = msgspec.structs.replace(config, directory=".")
    expected = RelayConfig(
        listen="[::]:8443", public_url="https://r.example", tls_certificate=config.tls_certificate, tls_key=config.tls_key
    )
    assert defaults == expected, "the template must state the defaults"
    keys = set(tomllib.loads(path.read_text()))
    assert keys == {field.name for field in msgspec.structs.fields(RelayConfig)} - {"directory"}
    for field in msgspec.structs.fields(Bounds):
        assert f"# {field.name} = {field.default}" in path.read_text()


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load(written(tmp_path), {})
    assert config.path(config.database) == tmp_path.resolve() / "relay.sqlite"
    assert config.path("/abs") == Path("/abs")


def test_the_environment_wins(tmp_path: Path) -> None:
    environment = {
        "HANDRAIL_RELAY_LISTEN": "0.0.0.0:1",
        "HANDRAIL_RELAY_DRAIN_SECONDS": "2.5",
        "HANDRAIL_RELAY_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
        "HANDRAIL_RELAY_DIRECTORY": "/elsewhere",
    }
    config = load(written(tmp_path), environment)
    assert (config.listen, config.drain_seconds, config.trusted_proxies) == ("0.0.0.0:1", 2.5, ["10.0.0.0/8", "::1"])
    assert config.directory == str(tmp_path.resolve())


@pytest.mark.parametrize(
    ("changes", "text", "words"),
    [
        ({"listen": '"8443"'}, "", "host:port"),
        ({"listen": '"0.0.0.0:99999"'}, "", "host:port"),
        ({"public_url": '"relay.example"'}, "", "public_url"),
        ({"public_url": '"https://relay.example/path"'}, "", "public_url"),
        ({"public_url": '"http://relay.example"'}, "", "https://"),
        ({"other_urls": '["ftp://x"]'}, "", "other_urls"),
        ({"trusted_proxies": '["10.0.0.0/99"]'}, "", "trusted_proxies"),
        ({"metrics_from": '["here"]'}, "", "metrics_from"),
        ({"tls_key": '""'}, "", "tls_key"),
        ({"tls": '"none"'}, "", "tls"),
        ({"tls": '"proxy"', "listen": '"0.0.0.0:80"'}, "", "trusted_proxies"),
        ({"drain_seconds": "-1"}, "", "drain_seconds"),
        ({"lisen": '"x:1"'}, "", "lisen"),
        ({"relay_spki": '"zz"'}, "", "relay_spki"),
        ({}, "[bounds]\nlinks = 0\n", "links"),
        ({}, "[bounds]\nlinkz = 1\n", "linkz"),
        ({}, "not toml", "relay.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, str], text: str, words: str) -> None:
    message = error(written(tmp_path, text, **changes))
    assert words in message
    assert "relay.toml" in message


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    assert "handrail-relay init" in error(tmp_path / "relay.toml")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Relay.Example:443/", "https://relay.example"),
        ("https://relay.example:8443", "https://relay.example:8443"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_an_origin_is_canonical(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["https://u@h", "https://h?x", "https://h#x", "https://", "https://h:99999", "javascript:1"])
def test_anything_else_is_no_address(url: str) -> None:
    with pytest.raises(ConfigError):
        origin_of(url)


def test_listen() -> None:
    assert split_listen("[::1]:0") == ("::1", 0)
    assert split_listen("localhost:8443") == ("localhost", 8443)


def test_behind_a_proxy_this_machine_is_trusted(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"public_url": "https://x", "listen": "127.0.0.1:1"}
    assert len(RelayConfig(**settings, tls="proxy").proxies) == 2
    assert RelayConfig(**settings).proxies == ()
    assert RelayConfig(**settings, other_urls=["https://In.side:443"]).origins == ["https://x", "https://in.side"]
