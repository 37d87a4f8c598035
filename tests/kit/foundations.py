"""Organisations of one: founded once in each process of the tests, and copied for every `World` where it does not matter how.

Founding takes a command of the relay and one of the technician, and most of their time goes into locking fourteen key files, each
by a scrypt of its own that shall be dear. What is copied here was made by those very commands: a relay's directory and a
technician's home as they lay on the disk when relay and command had ended. They know each other by the relay's address, so a copy
takes over the ports too, and is lent to one world at a time; two worlds at once are two organisations.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BUNDLE = "devices.handrail"
COPIED = ("relay", "relay.json", "technician", "passphrase", BUNDLE)
NAMES_ITS_PLACE = ("relay.json", "technician/identity/identity.json")


@dataclass
class Foundation:
    """One of them: where it lies, the ports that its relay is known by, and whether a world has it now."""

    directory: Path
    tapped: bool
    port: int
    relay_port: int
    lent: bool = False

    def copy_to(self, directory: Path) -> None:
        """As if it had been founded there."""
        for name in COPIED:
            source = self.directory / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, directory / name)
        for name in NAMES_ITS_PLACE:
            path = directory / name
            path.write_text(path.read_text().replace(str(self.directory), str(directory)))


class Foundations:
    """All of this process. `found(directory, tapped)` founds one by the commands, ends what it started, and tells both ports."""

    def __init__(self, found: Callable[[Path, bool], tuple[int, int]]) -> None:
        self._found = found
        self._all: list[Foundation] = []

    def lend(self, tapped: bool) -> Foundation:
        """One that nobody has, founded now where there is none."""
        for one in self._all:
            if one.tapped == tapped and not one.lent:
                one.lent = True
                return one
        directory = Path(tempfile.mkdtemp(prefix="handrail-foundation-"))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        self._all.append(Foundation(directory, tapped, *self._found(directory, tapped), lent=True))
        return self._all[-1]
