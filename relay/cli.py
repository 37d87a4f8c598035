"""`handrail-relay`: init, token, serve.

Exit codes: 0 done, 1 failed (port taken, database unusable), 2 wrong usage, 3 not set up (relay.toml missing or wrong).
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click
from click.shell_completion import get_completion_class

from protocol.errors import HandrailError
from protocol.version import PRODUCT
from relay.app import ListenError, Relay
from relay.config import ConfigError, RelayConfig, load, origin_of, split_listen, template
from relay.logs import configure
from relay.organisations import create_token
from relay.store.database import Database, StoreError
from relay.store.migrations import SchemaError
from relay.tls import TlsError, read_pin, self_signed, server_context, write_private

ERRORS = (ConfigError, StoreError, SchemaError, TlsError, ListenError, HandrailError, OSError)


class Failure(click.ClickException):
    """A sentence on standard error."""

    exit_code = 1


class NotSetUp(Failure):
    """The same, when relay.toml is what must be mended."""

    exit_code = 3


def failure(error: Exception) -> Failure:
    """How an error of ours ends a command."""
    if isinstance(error, FileExistsError):
        return Failure(f"{error.filename} exists already; choose another directory, or move it away.")
    return NotSetUp(str(error)) if isinstance(error, ConfigError) else Failure(str(error))


EPILOG = """\b
Examples:
  handrail-relay init --dir relay
  handrail-relay serve --config relay/relay.toml

\b
Exit codes:
    0  done
    1  failed: the port is taken, the database cannot be used
    2  the command line is wrong
    3  relay.toml is missing or wrong
"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(PRODUCT, prog_name="handrail-relay")
def main() -> None:
    """The Handrail relay: a switchboard and mirror that can open nothing."""


@main.command(
    epilog="\b\nExamples:\n  handrail-relay completion bash > ~/.local/share/bash-completion/completions/handrail-relay\n"
    "  handrail-relay completion fish > ~/.config/fish/completions/handrail-relay.fish"
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print what SHELL needs to complete the commands and options of handrail-relay."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "handrail-relay", "_HANDRAIL_RELAY_COMPLETE").source())


@main.command()
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False), required=True, help="Directory to make and fill."
)
@click.option("--listen", default="127.0.0.1:8443", show_default=True, help="Host and port to listen on.")
@click.option("--public-url", default=None, help="What peers dial, e.g. https://relay.example.org:8443. Default: from --listen.")
@click.option("--tls-cert", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="PEM certificate (chain) to use.")
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its PEM key.")
@click.option("--behind-proxy", is_flag=True, help="Plain HTTP behind a proxy that ends TLS.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def init(
    directory: Path,
    listen: str,
    public_url: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    behind_proxy: bool,
    as_json: bool,
) -> None:
    """Make relay.toml, a TLS key (unless given), the database and a registration token."""
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together.")
    if behind_proxy and tls_cert is not None:
        raise click.UsageError("--behind-proxy leaves TLS to the proxy; drop --tls-cert and --tls-key.")
    path = directory / "relay.toml"
    if path.exists():
        raise Failure(
            f"{path} exists already; choose another directory, or make a further token with: handrail-relay token --config {path}"
        )
    try:
        host, port = split_listen(listen)
        url = origin_of(public_url or _default_url(host, port, behind_proxy))
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificate, key = _tls_files(directory, url, tls_cert, tls_key, behind_proxy)
        text = template(listen=listen, public_url=url, tls="proxy" if behind_proxy else "files", certificate=certificate, key=key)
        write_private(path, text.encode("utf-8"))
        config = load(path, {})
        token = asyncio.run(_token(config))
        pin = "" if behind_proxy else read_pin(config.path(certificate))
    except ERRORS as error:
        raise failure(error) from error
    _show(as_json, config=str(path), url=url, relay_spki=pin, token=token)


def _default_url(host: str, port: int, behind_proxy: bool) -> str:
    if host in ("*", "0.0.0.0", "::"):  # noqa: S104 - recognising it, not binding to it
        raise ConfigError("With --listen on all addresses, say what peers dial: --public-url https://relay.example.org:8443")
    return f"{'http' if behind_proxy else 'https'}://{f'[{host}]' if ':' in host else host}:{port}"


def _tls_files(directory: Path, url: str, certificate: Path | None, key: Path | None, behind_proxy: bool) -> tuple[str, str]:
    """The two paths for relay.toml; makes a self-signed pair when none was given. Given ones are tried at once."""
    if behind_proxy:
        return "", ""
    if certificate is not None and key is not None:
        server_context(certificate, key)
        return str(certificate.resolve()), str(key.resolve())
    host = url.removeprefix("https://").rpartition(":")[0] if url.count(":") > 1 else url.removeprefix("https://")
    pem_certificate, pem_key = self_signed([host.strip("[]"), "localhost", "127.0.0.1", "::1"], datetime.now(UTC))
    write_private(directory / "tls-key.pem", pem_key)
    (directory / "tls-certificate.pem").write_bytes(pem_certificate)
    return "tls-certificate.pem", "tls-key.pem"


async def _token(config: RelayConfig) -> str:
    database = Database(config.path(config.database))
    try:
        await database.open()
        return await create_token(database, os.urandom, datetime.now(UTC).timestamp())
    finally:
        await database.close()


def _show(as_json: bool, **values: str) -> None:
    if as_json:
        click.echo(json.dumps(values))
        return
    names = {"config": "Configuration", "url": "Address", "relay_spki": "SPKI pin", "token": "Registration token"}
    for name, value in values.items():
        click.echo(f"{names[name] + ':':<20} {value or '(the system certificate authorities vouch for it)'}")
    click.echo("The token registers one organisation, once, within seven days: handrail org register", err=True)
    if "config" in values:
        click.echo(f"Start the relay with: handrail-relay serve --config {values['config']}", err=True)


@main.command()
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), default=Path("relay.toml"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def token(path: Path, as_json: bool) -> None:
    """Make another one-time registration token (the relay may be running)."""
    try:
        made = asyncio.run(_token(load(path, os.environ)))
    except ERRORS as error:
        raise failure(error) from error
    _show(as_json, token=made)


@main.command()
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), default=Path("relay.toml"), show_default=True)
def serve(path: Path) -> None:
    """Run until SIGTERM or Ctrl-C; then drain and stop. A second signal cuts the drain short."""
    try:
        config = load(path, os.environ)
        configure(config.log_level, config.log_format, sys.stderr)
        _raise_file_limit()
        with asyncio.Runner(loop_factory=_loop_factory(config)) as runner:
            runner.run(_serve(config))
    except ERRORS as error:
        raise failure(error) from error


async def _serve(config: RelayConfig) -> None:
    relay = Relay(config)
    loop = asyncio.get_running_loop()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(relay.stop)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        await relay.run(lambda port: click.echo(f"handrail-relay: listening on port {port}, known as {config.origin}"))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _loop_factory(config: RelayConfig) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is wanted and there. None: asyncio's own.

    Raises:
        ConfigError: `event_loop = "uvloop"` and it is not installed.
    """
    if config.event_loop == "asyncio":
        return None
    try:
        import uvloop
    except ImportError as error:
        if config.event_loop == "uvloop":
            raise ConfigError('event_loop = "uvloop", but uvloop is not installed; install it or write "auto".') from error
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _raise_file_limit() -> None:
    """Every connection is a file: take as many as the system gives."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
