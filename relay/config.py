"""relay.toml: what an operator may set, its defaults, and the commented file that `handrail-relay init` writes.

Every top-level key may also come from the environment: `HANDRAIL_RELAY_` and the key in capitals (lists separated by commas);
the environment wins. Relative paths are relative to the directory of relay.toml.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from relay.addresses import Network, parse_networks

ENVIRONMENT_PREFIX = "HANDRAIL_RELAY_"
LOOPBACK = ("127.0.0.0/8", "::1")
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Bytes = Annotated[int, Meta(ge=1, le=2**50)]
Seconds = Annotated[float, Meta(ge=0.0, le=86_400.0)]


class ConfigError(Exception):
    """relay.toml cannot be used; the text names the key and says what to write."""


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much at once. Beyond it, newcomers are refused by name and whoever is there goes on undisturbed."""

    connections: Count = 8000
    connections_per_address: Count = 2000
    links: Count = 6000
    guests: Count = 200
    guests_per_organisation: Count = 50
    guest_logins_per_minute: Count = 12
    tunnels: Count = 1000
    failed_logins_per_minute: Count = 30
    registrations_per_minute: Count = 10
    enrolments_per_minute: Count = 30
    repository_files: Count = 20_000
    repository_bytes: Bytes = 512 * 1024 * 1024
    mailbox_documents_signer: Count = 2000
    mailbox_documents_per_sender: Count = 50
    mailbox_bytes: Bytes = 32 * 1024 * 1024
    waiting_enrolments: Count = 200


class RelayConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of one relay. See `template` for what each means."""

    listen: str = "127.0.0.1:8443"
    public_url: str
    other_urls: list[str] = []
    tls: Literal["files", "proxy"] = "files"
    tls_certificate: str = ""
    tls_key: str = ""
    relay_spki: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""
    trusted_proxies: list[str] = []
    metrics_from: list[str] = msgspec.field(default_factory=lambda: list(LOOPBACK))
    database: str = "relay.sqlite"
    drain_seconds: Seconds = 30.0
    event_loop: Literal["auto", "asyncio", "uvloop"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    bounds: Bounds = msgspec.field(default_factory=Bounds)
    directory: str = "."

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return split_listen(self.listen)

    @property
    def origin(self) -> str:
        """The relay's own origin: what peers dial and sign."""
        return origin_of(self.public_url)

    @property
    def origins(self) -> list[str]:
        """Every address that a login may be signed for; the public one first."""
        return [self.origin, *(origin_of(url, "other_urls") for url in self.other_urls)]

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Networks whose X-Forwarded-For is believed; behind a TLS proxy that includes this machine."""
        return parse_networks([*self.trusted_proxies, *(LOOPBACK if self.tls == "proxy" else ())])

    @property
    def metrics_networks(self) -> tuple[Network, ...]:
        """Networks that may read /metrics."""
        return parse_networks(self.metrics_from)

    def path(self, name: str) -> Path:
        """A path of this file, made absolute."""
        return Path(self.directory, name)


def split_listen(text: str) -> tuple[str, int]:
    """ "host:port", "[v6]:port", or "*:port" for every address of this machine, IPv4 and IPv6.

    Raises:
        ConfigError: it is neither.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or not host:
        raise ConfigError(f'listen: "{text}" is not host:port; write for example "*:8443" or "127.0.0.1:8443".')
    return host.removeprefix("[").removesuffix("]"), int(port)


def origin_of(url: str, key: str = "public_url") -> str:
    """scheme://host[:port], lower case, the scheme's own port left out.

    Raises:
        ConfigError: not an http(s) URL, or one with a path, a query or a user.
    """
    wrong = f'{key}: "{url}" is not a plain https address; write for example "https://relay.example.org:8443".'
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(wrong) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ConfigError(wrong)
    if parts.path not in ("", "/"):
        raise ConfigError(wrong)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    standard = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, standard) else "")


def load(path: Path, environment: Mapping[str, str]) -> RelayConfig:
    """Read, override from the environment, and check.

    Raises:
        ConfigError: with a sentence that names file and key.
    """
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist; make one with: handrail-relay init --dir {path.parent}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    raw.pop("directory", None)
    try:
        config = msgspec.convert(
            raw | _overrides(environment) | {"directory": str(path.resolve().parent)}, RelayConfig, strict=False
        )
        _check(config)
    except (msgspec.ValidationError, ConfigError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return config


def _overrides(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(RelayConfig):
        value = environment.get(ENVIRONMENT_PREFIX + field.name.upper())
        if value is None or field.name in ("bounds", "directory"):
            continue
        found[field.name] = [part.strip() for part in value.split(",") if part.strip()] if field.type == list[str] else value
    return found


def _check(config: RelayConfig) -> None:
    host, _ = config.address
    origin = config.origins[0]
    for name, networks in (("trusted_proxies", config.trusted_proxies), ("metrics_from", config.metrics_from)):
        try:
            parse_networks(networks)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}") from error
    if config.tls == "files" and not (config.tls_certificate and config.tls_key):
        raise ConfigError('tls = "files" needs tls_certificate and tls_key; or write tls = "proxy" behind a TLS proxy.')
    if config.tls == "files" and not origin.startswith("https://"):
        raise ConfigError('public_url must begin with https:// when tls = "files".')
    if config.tls == "proxy" and host not in ("127.0.0.1", "::1", "localhost") and not config.trusted_proxies:
        raise ConfigError('tls = "proxy" speaks plain HTTP: listen on 127.0.0.1, or name the proxies in trusted_proxies.')


def template(*, listen: str, public_url: str, tls: Literal["files", "proxy"], certificate: str, key: str) -> str:
    """The commented relay.toml of a new relay: the reference of every key."""
    values = {
        name: _quoted(value) for name, value in (("listen", listen), ("url", public_url), ("cert", certificate), ("key", key))
    }
    bounds = "\n".join(f"# {field.name} = {field.default}" for field in msgspec.structs.fields(Bounds))
    return f"""# Handrail relay. Every key may also be set by the environment: HANDRAIL_RELAY_LISTEN=... (not [bounds]).
# Relative paths are relative to this file.

# Where to listen: an address of this machine and a port; "*:8443" takes all its addresses, IPv4 and IPv6.
listen = {values["listen"]}

# What peers dial and sign into their login: scheme, host, port, exactly as in enrolment bundles. After changing it, make new
# bundles and keep the old address in other_urls: enrolled peers go on dialling it.
public_url = {values["url"]}

# Other addresses of the same relay that a login may be signed for (an inside name, say).
other_urls = []

# "files": the relay ends TLS itself with the two files below. "proxy": plain HTTP behind a proxy that ends TLS, only on a
# loopback address or with trusted_proxies set.
tls = "{tls}"
tls_certificate = {values["cert"]}
tls_key = {values["key"]}

# tls = "proxy" only: hex SHA-256 of the public key (SPKI) of the proxy's certificate, for peers to pin. "" makes peers trust
# their system's certificate authorities. With tls = "files" the relay computes it from its certificate.
relay_spki = ""

# Whose X-Forwarded-For is believed when failed logins are counted per address. Networks or addresses.
trusted_proxies = []

# Who may read /metrics. Everybody may read /healthz, /readyz and /version.
metrics_from = ["127.0.0.0/8", "::1"]

# SQLite file (WAL: two more files stand beside it while the relay runs).
database = "relay.sqlite"

# On SIGTERM: how long running sessions may go on before they are cut (seconds).
drain_seconds = 30.0

# "auto" takes uvloop where it is installed (a quarter of the memory per idle TLS connection), otherwise asyncio.
event_loop = "auto"

# debug, info, warning, error; "text" or one JSON object per line ("json"). Logs go to standard error.
log_level = "info"
log_format = "text"

# How much at once. Beyond it newcomers are refused by name (handrail_relay_refusals_total) and the others go on undisturbed.
# "per minute" is per client address; repository_* and mailbox_* are per organisation, mailbox_bytes per recipient.
[bounds]
{bounds}
"""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
