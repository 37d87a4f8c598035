"""What a shell may complete beyond commands and options: devices, fixes, recordings, past sessions. Nothing asks the network,
no key is unlocked, and what this computer does not know yet is not completed.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
import msgspec
from click.shell_completion import CompletionItem

from protocol.errors import HandrailError
from technician_client.cli.app import App
from technician_client.known import KnownDevices
from technician_client.past import past_sessions
from technician_client.recordings.names import SUFFIX
from technician_client.settings import Settings, load_settings

MOST: Final = 200
_FILE_BYTES: Final = 8 * 1024 * 1024
_PLAIN: Final = re.compile(r"^[\w.-]{1,100}\Z", re.ASCII)
"""Names that no shell takes apart."""


class _Targets(msgspec.Struct):
    targets: dict[str, object]


class _Signed(msgspec.Struct):
    """As much of a signed file as completing takes; it is verified where it is used."""

    signed: _Targets


def complete_device(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Devices met so far: by label, or by id where the label is more than one plain word."""
    settings = _settings(context)
    if settings is None:
        return []
    rows = []
    for peer, device in KnownDevices(settings.known_devices_file).everything().items():
        plain = bool(_PLAIN.match(device.label))
        rows.append((device.label if plain else peer, device.group if plain else device.label))
    return _beginning(rows, begun)


def complete_fix(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """A device first, where there is none yet, and ids of approved fixes as they were published when last looked."""
    settings = _settings(context)
    if settings is None:
        return []
    given = context.params.get(parameter.name or "") or ()
    devices = [] if given else complete_device(context, parameter, begun)
    return devices + _beginning(((name, "fix") for name in _fixes(settings)), begun)


def complete_recording(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Recordings of this computer, the newest first."""
    settings = _settings(context)
    if settings is None:
        return []
    names = sorted((path.stem for path in settings.recordings_directory.glob(f"*{SUFFIX}")), reverse=True)
    return _beginning(((name, "") for name in names), begun)


def complete_session(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Past sessions, the newest first, and the word for it."""
    settings = _settings(context)
    if settings is None:
        return []
    return _beginning([("last", "the newest"), *((one.session, one.label) for one in past_sessions(settings, MOST))], begun)


def _settings(context: click.Context) -> Settings | None:
    app = context.find_object(App)
    home = app.home if app is not None else context.find_root().params.get("home")
    try:
        return load_settings(home if isinstance(home, Path) else None)
    except HandrailError:
        return None  # a shell that completes is no place to say what is wrong with the settings


def _fixes(settings: Settings) -> list[str]:
    found: set[str] = set()
    for directory in (settings.fix_library_directory, settings.signed_files_directory):
        path = directory / "metadata" / "scripts.json"
        try:
            if path.stat().st_size <= _FILE_BYTES:
                targets = msgspec.json.decode(path.read_bytes(), type=_Signed).signed.targets
                found |= {parts[1] for name in targets if len(parts := name.split("/")) >= 3 and parts[0] == "scripts"}
        except (OSError, ValueError, RecursionError):
            continue
    return sorted(found)


def _beginning(rows: Iterable[tuple[str, str]], begun: str) -> list[CompletionItem]:
    folded = begun.casefold()
    found = [(value, words) for value, words in rows if _PLAIN.match(value) and value.casefold().startswith(folded)]
    return [
        CompletionItem(value, help=" ".join(words.split())[:60] if words.isprintable() else None) for value, words in found[:MOST]
    ]
