"""`handrail-relay` on the command line."""

import asyncio
import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.app import Relay
from relay.cli import main
from relay.config import ConfigError, load
from relay.tls import self_signed, spki_pin
from tests.kit.organisation import Organisation


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    result = CliRunner().invoke(main, arguments, env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def init(directory: Path, *more: str) -> dict[str, str]:
    result = run("init", "--dir", str(directory), "--json", *more)
    assert result.exit_code == 0, result.output
    answer: dict[str, str] = json.loads(result.stdout)
    return answer


async def register(config: Path, token: str) -> str:
    """Use a token as the running relay would."""
    relay = Relay(load(config, {}))
    try:
        await relay.database.open()
        return await relay.organisations.register(token, Organisation().root, "")
    finally:
        await relay.database.close()


def test_init_makes_everything_and_a_token_that_works(tmp_path: Path) -> None:
    answer = init(tmp_path / "r", "--listen", "127.0.0.1:18443")
    config = load(Path(answer["config"]), {})
    assert (config.listen, config.public_url, answer["url"]) == (
        "127.0.0.1:18443",
        "https://127.0.0.1:18443",
        "https://127.0.0.1:18443",
    )
    assert answer["relay_spki"] == spki_pin((tmp_path / "r" / "tls-certificate.pem").read_bytes())
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "r").iterdir()}
    assert modes == {"relay.toml": 0o600, "tls-key.pem": 0o600, "tls-certificate.pem": 0o644, "relay.sqlite": 0o600}
    assert len(asyncio.run(register(Path(answer["config"]), answer["token"]))) == 16


def test_token_makes_another(tmp_path: Path) -> None:
    config = init(tmp_path)["config"]
    result = run("token", "--config", config, "--json")
    assert len(asyncio.run(register(Path(config), json.loads(result.stdout)["token"]))) == 16


def test_what_people_see(tmp_path: Path) -> None:
    result = run("init", "--dir", str(tmp_path / "r"))
    assert "Registration token:" in result.stdout
    assert "SPKI pin:" in result.stdout
    assert "handrail-relay serve --config" in result.stderr


def test_init_never_overwrites(tmp_path: Path) -> None:
    config = Path(init(tmp_path)["config"])
    before = config.read_bytes()
    result = run("init", "--dir", str(tmp_path))
    assert result.exit_code == 1
    assert "handrail-relay token" in result.stderr
    assert config.read_bytes() == before


def test_given_tls_files_are_used_and_tried_at_once(tmp_path: Path) -> None:
    certificate, key = self_signed(["relay.example"], datetime.now(UTC))
    (tmp_path / "c.pem").write_bytes(certificate)
    (tmp_path / "k.pem").write_bytes(key)
    given = ("--tls-cert", str(tmp_path / "c.pem"), "--tls-key", str(tmp_path / "k.pem"))
    answer = init(tmp_path / "r", "--listen", "0.0.0.0:8443", "--public-url", "https://relay.example:8443/", *given)
    assert answer["relay_spki"] == spki_pin(certificate)
    assert answer["url"] == "https://relay.example:8443"
    (tmp_path / "k.pem").write_bytes(self_signed(["x"], datetime.now(UTC))[1])
    assert run("init", "--dir", str(tmp_path / "s"), *given).exit_code == 1
    assert run("init", "--dir", str(tmp_path / "s"), *given[:2]).exit_code == 2


def test_behind_a_proxy(tmp_path: Path) -> None:
    answer = init(tmp_path, "--behind-proxy", "--public-url", "https://relay.example")
    settings = tomllib.loads(Path(answer["config"]).read_text())
    assert (settings["tls"], answer["relay_spki"]) == ("proxy", "")
    assert not (tmp_path / "tls-key.pem").exists()
    assert (
        run("init", "--dir", str(tmp_path / "s"), "--behind-proxy", "--tls-cert", __file__, "--tls-key", __file__).exit_code == 2
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--listen", "0.0.0.0:8443"), 3, "--public-url"),
        (("--listen", "nonsense"), 3, "host:port"),
        (("--public-url", "nonsense"), 3, "public_url"),
    ],
)
def test_init_says_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    result = run("init", "--dir", str(tmp_path / "r"), *arguments)
    assert (result.exit_code, words in result.stderr) == (code, True)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("command", ["serve", "token"])
def test_without_a_configuration_it_says_how_to_make_one(tmp_path: Path, command: str) -> None:
    result = run(command, "--config", str(tmp_path / "relay.toml"))
    assert result.exit_code == 3
    assert "handrail-relay init" in result.stderr


def test_a_wrong_configuration_is_named(tmp_path: Path) -> None:
    config = Path(init(tmp_path)["config"])
    config.write_text(config.read_text().replace("drain_seconds = 30.0", 'drain_seconds = "soon"'))
    result = run("serve", "--config", str(config))
    assert result.exit_code == 3
    assert "drain_seconds" in result.stderr
    with pytest.raises(ConfigError):
        load(config, {})


def test_what_lies_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "tls-key.pem").write_text("mine")
    result = run("init", "--dir", str(tmp_path))
    assert result.exit_code == 1
    assert "tls-key.pem exists already" in result.stderr
    assert (tmp_path / "tls-key.pem").read_text() == "mine"


def test_ipv6_gets_brackets(tmp_path: Path) -> None:
    assert init(tmp_path, "--listen", "[::1]:8443")["url"] == "https://[::1]:8443"
