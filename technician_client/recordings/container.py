"""The file of a recording: a head in the clear, then sealed records, each complete in itself.

    head      8 bytes MAGIC, 32 bytes salt
    record    kind u8, time u64 (microseconds since the beginning), size u32, then `size` sealed bytes (little-endian)

Each record is sealed by ChaCha20-Poly1305 (RFC 8439) under a key of this file alone: HKDF-SHA-256 of the technician's
recordings key and the salt. Its number, counted from 0, is the nonce, so that none can be left out, repeated or moved; the
header is authenticated with it. The walk over the headers is the index: an hour is some ten thousand of them and takes
milliseconds, so that there is nothing to lose when the process dies. What a crash leaves behind is a file whose last record
may be cut short; it is left out.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hostio.private_files import PrivateFileError
from hostio.retention import hold
from protocol.errors import TrustError

MAGIC: Final = b"HRREC\x01\r\n"
SALT_BYTES: Final = 32
HEAD_BYTES: Final = len(MAGIC) + SALT_BYTES
HEADER: Final = struct.Struct("<BQI")
TAG_BYTES: Final = 16
MOST_RECORD_BYTES: Final = 256 * 1024 * 1024
_PURPOSE: Final = b"handrail recording v1"


class Kind(IntEnum):
    """What a record holds. META: what was recorded. CHUNK: messages in order. START: messages of which the first is a
    layout, with which the picture begins anew. KEY: the picture at that moment. END: why it ended."""

    META = 1
    CHUNK = 2
    START = 3
    KEY = 4
    END = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one record lies. `time` in microseconds; `offset` and `size` of its sealed bytes."""

    number: int
    kind: Kind
    time: int
    offset: int
    size: int


def _cipher(key: bytes, salt: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(HKDF(hashes.SHA256(), 32, salt, _PURPOSE).derive(key))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "little")


class ContainerWriter:
    """Appends records to a new file of mode 0600. For one thread at a time."""

    def __init__(self, path: Path, key: bytes, salt: bytes) -> None:
        """Raises:
        PrivateFileError: there is such a file already, or it cannot be made.
        """
        self.path = path
        self._cipher = _cipher(key, salt)
        self._number = 0
        self.size = HEAD_BYTES
        try:
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb", buffering=0)
            hold(self._file.fileno())  # nothing deletes it while it is written
            self._file.write(MAGIC + salt)
        except FileExistsError as error:
            raise PrivateFileError(f"{path} is there already; a recording never replaces a file. Choose another name.") from error
        except OSError as error:
            raise PrivateFileError(f"The recording cannot be written to {path}: {error.strerror or error}.") from error

    def append(self, kind: Kind, time: int, data: bytes) -> Entry:
        """One record, handed to the system in one piece.

        Raises:
            PrivateFileError: it cannot be written (disk full); the records before it stay whole.
        """
        header = HEADER.pack(kind, time, len(data) + TAG_BYTES)
        record = header + self._cipher.encrypt(_nonce(self._number), data, header)
        entry = Entry(self._number, kind, time, self.size + HEADER.size, len(data) + TAG_BYTES)
        try:
            written = self._file.write(record)
            if written != len(record):
                # The record that says why it ended may follow and find room: it must not stand behind half
                # a record, whose missing bytes it would be taken for.
                self._file.seek(self.size)
                self._file.truncate()
        except OSError as error:
            raise PrivateFileError(f"The recording in {self.path} ended: {error.strerror or error}.") from error
        if written != len(record):
            raise PrivateFileError(f"The recording in {self.path} ended: the disk is full.")
        self._number += 1
        self.size += len(record)
        return entry

    def close(self) -> None:
        """Hand everything to the disk."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()


class ContainerReader:
    """The records of a file, by walking its headers. Also of one that is still being written, as far as it has come."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Raises:
        PrivateFileError: it cannot be read. TrustError: it is no recording, or the key is not its key.
        """
        self.path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise PrivateFileError(f"{path} cannot be read: {error.strerror or error}.") from error
        try:
            head = self._file.read(HEAD_BYTES)
            if len(head) < HEAD_BYTES or not head.startswith(MAGIC):
                raise TrustError(f"{path} is not a recording of Handrail.")
            self._cipher = _cipher(key, head[len(MAGIC) :])
            self.entries = list(self._walk())
            self.cut_short = not self.entries or self.entries[-1].kind is not Kind.END
        except TrustError:
            self._file.close()
            raise

    def _walk(self) -> Iterator[Entry]:
        length = os.fstat(self._file.fileno()).st_size
        at, number, before = HEAD_BYTES, 0, 0
        while at + HEADER.size <= length:
            self._file.seek(at)
            kind, time, size = HEADER.unpack(self._file.read(HEADER.size))
            if at + HEADER.size + size > length:
                return  # cut short by the end of the process that wrote it
            if kind not in Kind.__members__.values() or time < before or not TAG_BYTES <= size <= MOST_RECORD_BYTES:
                raise TrustError(f"{self.path} is damaged at byte {at}: nothing after it is used.")
            yield Entry(number, Kind(kind), time, at + HEADER.size, size)
            at, number, before = at + HEADER.size + size, number + 1, time

    def read(self, entry: Entry) -> bytes:
        """What one record holds.

        Raises:
            TrustError: it was changed, or the key is not this file's.
        """
        self._file.seek(entry.offset)
        sealed = self._file.read(entry.size)
        header = HEADER.pack(entry.kind, entry.time, entry.size)
        try:
            return self._cipher.decrypt(_nonce(entry.number), sealed, header)
        except InvalidTag as error:
            raise TrustError(
                f"{self.path} does not open: it was changed, or it was made with another technician's key."
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
