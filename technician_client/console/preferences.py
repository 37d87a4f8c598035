"""What a technician has chosen for the console: kept in a file, because a browser forgets it with the console's port."""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from hostio.private_files import read_private, write_private
from protocol.errors import HandrailError

PREFERENCES_FILE: Final = "console.json"
_MOST_BYTES: Final = 256 * 1024

DeviceId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]{1,40}\Z")]
Chord = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class Preferences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`shortcuts`: keys by the name of what they do, where they are not the console's own. `favourites`: devices, by id, in the
    technician's order. `notify`: the browser shows a notification for new help requests, `sound`: it is heard. `keyboards`: how
    keys go to a device, by its id, where that is not left to each key. `touch`: a finger clicks what it touches, or moves the
    pointer as on a touchpad."""

    theme: Literal["system", "light", "dark"] = "system"
    contrast: Literal["system", "more"] = "system"
    notify: bool = False
    sound: bool = True
    shortcuts: Annotated[dict[Annotated[str, msgspec.Meta(max_length=40)], Chord], msgspec.Meta(max_length=40)] = {}
    favourites: Annotated[list[DeviceId], msgspec.Meta(max_length=1000)] = []
    keyboards: Annotated[dict[DeviceId, Literal["text", "physical"]], msgspec.Meta(max_length=1000)] = {}
    touch: Literal["direct", "touchpad"] = "direct"


class PreferencesFile:
    """The file. One for each console; what cannot be read counts as nothing chosen."""

    def __init__(self, home: Path) -> None:
        self._path = home / PREFERENCES_FILE
        self._now = self._read()

    def _read(self) -> Preferences:
        try:
            return msgspec.json.decode(read_private(self._path, _MOST_BYTES, secret=False), type=Preferences)
        except (FileNotFoundError, HandrailError, msgspec.DecodeError):
            return Preferences()

    @property
    def now(self) -> Preferences:
        """What is chosen."""
        return self._now

    def save(self, preferences: Preferences) -> None:
        """Keep.

        Raises:
            PrivateFileError: it cannot be written.
        """
        write_private(self._path, msgspec.json.encode(preferences))
        self._now = preferences
