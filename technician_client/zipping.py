"""A ZIP archive (PKWARE APPNOTE 6.3.x) made piece by piece, with names that no unpacker can misread.

Nothing is packed smaller: what is sent was compressed on its way already, or cannot be. Sizes and checks follow each file's bytes
(bit 3 of the flags), and where four bytes do not hold a size or there are more files than two bytes can count, ZIP64 is written.
"""

import math
import stat
import time
import zipfile
from typing import Final

from protocol.transfer import numbered, shown

_FIRST_TIME: Final = 315_532_800.0 + 86400.0
"""1980, the first year that fits; a day later, so that it does in every time zone."""
_LAST_TIME: Final = 4_354_819_200.0 - 86400.0
"""2107, the last one."""
_FILE_MODE: Final = stat.S_IFREG | 0o644
_FOLDER_MODE: Final = stat.S_IFDIR | 0o755
_MS_DOS_FOLDER: Final = 0x10
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
)
_FORBIDDEN: Final = str.maketrans(dict.fromkeys('\\/:*?"<>|', "_"))


def plain_name(name: bytes) -> str:
    """What a file or folder may be called on any computer: nothing that a disk, a shell or its user could misread."""
    text = shown(name).translate(_FORBIDDEN).strip(". ")
    if text.partition(".")[0].rstrip().casefold() in _RESERVED:
        text = f"_{text}"
    return text or "file"


class Names:
    """The names in one folder, each once, also on disks that take `A` for `a`."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}  # with the number to try next, so that many alike do not take ever longer

    def give(self, name: bytes) -> str:
        """`plain_name`, with a number where that is taken."""
        plain = wanted = plain_name(name)
        while plain.casefold() in self._taken:
            number = self._taken[wanted.casefold()] = self._taken[wanted.casefold()] + 1
            plain = plain_name(numbered(wanted.encode(), number))
        self._taken[plain.casefold()] = 1
        return plain


class _Out:
    """What the archive has grown by since the last look. It cannot be gone back in, and says so by having no `tell`."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def flush(self) -> None:
        pass


class _Archive(zipfile.ZipFile):
    """One that is given up in the middle is not finished by the way."""

    def __del__(self) -> None:
        """Nothing: there is no file to close."""


class ZipWriter:
    """The archive. Every method returns the bytes it has grown by; what is kept here is one line about each file."""

    def __init__(self) -> None:
        self._out = _Out()
        # What is handed over only writes, and that is all zipfile asks of it.
        self._zip = _Archive(self._out, "w", zipfile.ZIP_STORED)  # type: ignore[call-overload]
        self._entry: zipfile._ZipWriteFile | None = None  # type: ignore[name-defined]

    def folder(self, name: str, mtime: float) -> bytes:
        """An empty folder of that path; parts joined by "/"."""
        entry = _entry(f"{name}/", mtime, _FOLDER_MODE)
        entry.external_attr |= _MS_DOS_FOLDER
        self._zip.writestr(entry, b"")
        return self._grown()

    def begin(self, name: str, size: int, mtime: float) -> bytes:
        """A file of `size` bytes follows. Never with the right to be run."""
        entry = _entry(name, mtime, _FILE_MODE)
        entry.file_size = size
        self._entry = self._zip.open(entry, "w")
        return self._grown()

    def write(self, data: bytes) -> bytes:
        """Its next bytes."""
        assert self._entry is not None
        self._entry.write(data)
        return self._grown()

    def end(self) -> bytes:
        """That was all of it."""
        assert self._entry is not None
        self._entry.close()
        self._entry = None
        return self._grown()

    def close(self) -> bytes:
        """The directory at the end, without which nothing takes this for an archive."""
        self._zip.close()
        return self._grown()

    def _grown(self) -> bytes:
        data = bytes(self._out.data)
        self._out.data.clear()
        return data


def _entry(name: str, mtime: float, mode: int) -> zipfile.ZipInfo:
    seconds = min(max(mtime, _FIRST_TIME), _LAST_TIME) if math.isfinite(mtime) else _FIRST_TIME
    entry = zipfile.ZipInfo(name, time.localtime(seconds)[:6])
    entry.external_attr = mode << 16
    entry.create_system = 3  # Unix, so that the mode is read as one
    return entry
