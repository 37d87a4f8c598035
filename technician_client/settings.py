"""Where things are and how long to wait: defaults, then `technician.toml` in the home directory, then the environment.

Nothing is read at import: `load_settings` is called once by whoever starts the process and its result is passed on.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import platformdirs

from hostio.dialling import Dialling
from protocol.errors import HandrailError
from protocol.limits import LIMITS, Limits

SETTINGS_FILE = "technician.toml"

Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Gigabytes = Annotated[float, msgspec.Meta(gt=0, le=100_000)]


class SettingsError(HandrailError):
    """`technician.toml` cannot be read or says something impossible; the text names the key."""


class FileSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `technician.toml` may say. Seconds, except `concurrency` (devices at once) and `proxy` (of everything that goes to
    the relay: URL, "" none, absent: the system's). `resume_seconds`: how long to try to go on with a session that the network
    cut. `recording_gigabytes`: the most that one recording takes; `recording_free_gigabytes`: what it leaves free on its disk;
    `recordings_days` and `recordings_gigabytes`: how long recordings are kept, and how much together, the oldest going first (0:
    not limited here; the organisation's policy may shorten it)."""

    connect_seconds: Seconds = 10.0
    request_seconds: Seconds = 20.0
    pairing_seconds: Seconds = 60.0
    end_seconds: Seconds = 5.0
    retry_first_seconds: Seconds = 0.5
    retry_most_seconds: Seconds = 30.0
    resume_seconds: Seconds = 600.0
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    proxy: str | None = None
    recording_gigabytes: Gigabytes = 4.0
    recording_free_gigabytes: Gigabytes = 1.0
    recordings_days: Annotated[int, msgspec.Meta(ge=0, le=36500)] = 0
    recordings_gigabytes: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 0.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process."""

    home: Path
    connect_seconds: float = 10.0
    request_seconds: float = 20.0
    pairing_seconds: float = 60.0
    end_seconds: float = 5.0
    retry_first_seconds: float = 0.5
    retry_most_seconds: float = 30.0
    resume_seconds: float = 600.0
    concurrency: int = 8
    proxy: str | None = None
    recording_gigabytes: float = 4.0
    recording_free_gigabytes: float = 1.0
    recordings_days: int = 0
    recordings_gigabytes: float = 0.0
    limits: Limits = field(default=LIMITS)

    @property
    def dialling(self) -> Dialling:
        """How the relay is dialled."""
        return Dialling("handrail", self.connect_seconds, self.proxy, max_queue=64)

    @property
    def identity_directory(self) -> Path:
        """Where the technician's key and certificates lie."""
        return self.home / "identity"

    @property
    def organisation_directory(self) -> Path:
        """Where the organisation's vault and signer lie, on the computers that hold them."""
        return self.home / "organisation"

    @property
    def receipts_directory(self) -> Path:
        """Where checkpoints and receipts of past sessions are kept."""
        return self.home / "receipts"

    @property
    def recordings_directory(self) -> Path:
        """Where recordings of sessions lie."""
        return self.home / "recordings"

    @property
    def notes_directory(self) -> Path:
        """Where notes about sessions are kept."""
        return self.home / "notes"

    @property
    def worklogs_directory(self) -> Path:
        """Where it stands what was fixed and recorded in each session (`technician_client.worklog`)."""
        return self.home / "worklogs"

    @property
    def known_devices_file(self) -> Path:
        """What certificates have told about devices (`technician_client.known`)."""
        return self.home / "known_devices.json"

    @property
    def fix_library_directory(self) -> Path:
        """Where the published fixes are kept, verified (`technician_client.published`)."""
        return self.home / "library"

    @property
    def signed_files_directory(self) -> Path:
        """Where the organisation's other signed files are (`technician_client.revocations`)."""
        return self.home / "signed_files"

    @property
    def spent_codes_file(self) -> Path:
        """Hashes of the guests' codes that were tried (`technician_client.spent`)."""
        return self.home / "spent_codes.json"


def home_directory(home: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The base of everything this computer keeps: the argument, else `HANDRAIL_HOME`, else the user's data directory."""
    if home is not None:
        return home
    from_environment = (os.environ if environ is None else environ).get("HANDRAIL_HOME", "")
    if from_environment:
        return Path(from_environment)
    return platformdirs.user_data_path("handrail")


def load_settings(home: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process.

    Raises:
        SettingsError: the file is not TOML, has an unknown key or a value out of range.
    """
    base = home_directory(home, environ)
    path = base / SETTINGS_FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Settings(base)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Mend or remove it.") from error
    try:
        values = msgspec.convert(tomllib.loads(text), FileSettings)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{path}: {error}. Mend the line or remove it.") from error
    return Settings(base, **{name: getattr(values, name) for name in FileSettings.__struct_fields__})
