"""How this agent is configured: `agent.toml` in its home, overridden by the environment, validated once when the daemon starts.

A setting `screen.max_fps` is `max_fps` under `[screen]` in the file and `HANDRAIL_AGENT_SCREEN_MAX_FPS` in the environment.
There is no setting that answers a question for the user, and none that weakens a check.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import platformdirs

from hostio.dialling import Dialling
from protocol.errors import HandrailError

PREFIX = "HANDRAIL_AGENT_"
FILE = "agent.toml"
FILE_BYTES = 64 * 1024

ScreenPlace = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=7 * 86400)]


class SettingsError(HandrailError):
    """The configuration does not read; the text names file or variable, setting and what is wrong."""


class LinkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The way to the relay. Times in seconds, sizes in bytes.

    `backoff_first` and `backoff_most` bound the wait between two attempts (full jitter between 0 and the bound). `proxy`, for
    everything that goes to the relay, is a proxy's URL, "" takes the system's, "none" takes none. `send_buffer` is the most that
    may wait in this process's and the kernel's buffers before the session holds the rest back in its lanes.
    """

    connect_seconds: Seconds = 15.0
    backoff_first: Seconds = 1.0
    backoff_most: Seconds = 60.0
    proxy: str = ""
    send_buffer: Annotated[int, msgspec.Meta(ge=4096, le=4 * 1024 * 1024)] = 64 * 1024

    @property
    def dialling(self) -> Dialling:
        """How the relay is dialled."""
        proxy = {"": None, "none": ""}.get(self.proxy, self.proxy)
        return Dialling("handrail-agent", self.connect_seconds, proxy, write_limit=self.send_buffer)


class SessionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Assisted sessions. `grant_seconds` is how long what was granted lasts; `most` how many sessions at once; `resume_seconds`
    how long a session whose connection was lost may still go on without a new question; `local_input_seconds` how long after the
    user's own last movement control goes on, where policy lets it wait for them; `unwatched_seconds` how long an attended session
    stands still, when nothing shows it to the person any more, before it ends."""

    grant_seconds: Seconds = 4 * 3600.0
    most: Annotated[int, msgspec.Meta(ge=1, le=8)] = 3
    resume_seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 600.0
    local_input_seconds: Annotated[float, msgspec.Meta(gt=0, le=60)] = 3.0
    unwatched_seconds: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0


class ScreenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Screen capture. `display` "" is the one of the environment; `backend` "auto" tries the best one first and says which;
    `video` False sends exact tiles only; `av1` allows films as AV1, whose encoder was seen to wait for ever where it may not
    have real-time threads. `hide_windows` are patterns of titles or classes of windows that are painted over
    before anything leaves ("*keepass*"), `hide_areas` rectangles [x, y, width, height] of the display."""

    display: str = ""
    backend: Literal["auto", "x11", "mss"] = "auto"
    max_fps: Annotated[float, msgspec.Meta(ge=1, le=120)] = 60.0
    video: bool = True
    av1: bool = False
    hide_windows: Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=200)]], msgspec.Meta(max_length=100)] = []
    hide_areas: Annotated[list[tuple[ScreenPlace, ScreenPlace, ScreenPlace, ScreenPlace]], msgspec.Meta(max_length=32)] = []


class DiagnosticsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Diagnostics. `reach` are further `host:port` pairs whose reachability is tested; the relay's own is always tested."""

    reach: Annotated[list[str], msgspec.Meta(max_length=16)] = []


class FixesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fix scripts. `enabled` False refuses every run, whatever policy allows."""

    enabled: bool = True


class TerminalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Terminals. `enabled` False opens none, whatever policy allows. `user` is the account they run as where the agent runs as
    the administrator ("": who is logged in at the seat); `shell` is the program they begin with ("": that account's own).
    Where policy has it kept what they printed: `transcript_days` how long, `transcript_megabytes` how much together, the oldest
    going first (0: not limited here; policy may shorten it)."""

    enabled: bool = True
    user: str = ""
    shell: str = ""
    transcript_days: Annotated[int, msgspec.Meta(ge=0, le=36500)] = 0
    transcript_megabytes: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0


class FilesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files. `enabled` False moves none, whatever policy allows. `user` is the account whose files they are, and as whom they are
    opened, where the agent runs as the administrator ("": who is logged in at the seat)."""

    enabled: bool = True
    user: str = ""


class ForwardSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Forwarded ports. `enabled` False connects nothing, whatever policy allows."""

    enabled: bool = True


class TrustSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The organisation's signed files: looked for anew every `refresh_seconds` and whenever the relay says they changed."""

    refresh_seconds: Seconds = 3600.0


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The daemon's log on standard error: `format` "text" or "json" (one object a line)."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. `home` comes from the command line or `HANDRAIL_AGENT_HOME`, never from the file."""

    home: Path
    link: LinkSettings = LinkSettings()
    session: SessionSettings = SessionSettings()
    screen: ScreenSettings = ScreenSettings()
    diagnostics: DiagnosticsSettings = DiagnosticsSettings()
    fixes: FixesSettings = FixesSettings()
    terminal: TerminalSettings = TerminalSettings()
    files: FilesSettings = FilesSettings()
    forward: ForwardSettings = ForwardSettings()
    trust: TrustSettings = TrustSettings()
    log: LogSettings = LogSettings()

    @property
    def identity(self) -> Path:
        """Directory of keys and certificates (written by enrolment)."""
        return self.home / "identity"

    @property
    def tuf(self) -> Path:
        """Directory of the organisation's signed files."""
        return self.home / "tuf"

    @property
    def releases(self) -> Path:
        """Directory of a release of the agent that is ready to be installed."""
        return self.home / "releases"

    @property
    def audit(self) -> Path:
        """The audit chain, an SQLite file."""
        return self.home / "audit.sqlite"

    @property
    def receipts(self) -> Path:
        """Directory of the receipts that the user keeps."""
        return self.home / "receipts"

    @property
    def restart(self) -> Path:
        """Directory of what survives one restart of the computer."""
        return self.home / "restart"

    @property
    def socket(self) -> Path:
        """The local socket."""
        return self.home / "agent.sock"

    @property
    def lock(self) -> Path:
        """Held by the one daemon that serves this home."""
        return self.home / "agent.lock"


SECTIONS: tuple[str, ...] = ("link", "session", "screen", "diagnostics", "fixes", "terminal", "files", "forward", "trust", "log")


def default_home(environ: Mapping[str, str]) -> Path:
    """`HANDRAIL_AGENT_HOME`, or the user's own data directory."""
    chosen = environ.get(PREFIX + "HOME", "")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("handrail-agent"))


def load_settings(home: Path, environ: Mapping[str, str]) -> AgentSettings:
    """Read `agent.toml` (it may be absent) and lay the environment's overrides on top.

    Raises:
        SettingsError: the file is not TOML or too large, a name is unknown, a value does not fit; the text says which.
    """
    home = home.expanduser().absolute()
    tree = _read(home / FILE)
    if "home" in tree:
        raise SettingsError(f"{home / FILE}: `home` cannot stand in the file; use --home or HANDRAIL_AGENT_HOME.")
    for key, value in environ.items():
        _override(tree, key, value)
    try:
        return msgspec.convert({**tree, "home": home}, AgentSettings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"The settings of {home / FILE} (or a {PREFIX}... variable) do not fit: {error}.") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}. Mend its permissions.") from error
    if len(data) > FILE_BYTES:
        raise SettingsError(f"{path} is larger than {FILE_BYTES} bytes; this is not a settings file.")
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from error


def _override(tree: dict[str, Any], key: str, value: str) -> None:
    if not key.startswith(PREFIX):
        return
    section, _, name = key.removeprefix(PREFIX).lower().partition("_")
    if section in SECTIONS and name:
        table = tree.setdefault(section, {})
        if isinstance(table, dict):
            table[name] = value
