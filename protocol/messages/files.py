"""Files, both ways: looking into folders, putting a file there, taking one from there.

A path is the bytes of a name below the folders that are shared (the user's home, or what policy narrows that to), parts joined by
"/"; no part is "." or "..". One request number stands for one transfer. Whoever sends a file sends chunks in order; whoever
receives it says by `FileAck` how much is stored, and that is what paces the sender. `FileFinish` carries the SHA-256 of the whole
file, the part that was there before a resumption included.
"""

from typing import Annotated, ClassVar, Final, Literal

import msgspec

from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages.base import Lane, LongText, Message, RequestId, Sender

CHUNK_BYTES: Final = 64 * 1024
PATH_BYTES: Final = 4096
NAME_BYTES: Final = 255
MOST_ENTRIES: Final = 2000

PathBytes = Annotated[bytes, msgspec.Meta(max_length=PATH_BYTES)]
NameBytes = Annotated[bytes, msgspec.Meta(min_length=1, max_length=NAME_BYTES)]
FileSize = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
FileMode = Annotated[int, msgspec.Meta(ge=0, le=0o777)]
Conflict = Literal["ask", "rename", "replace", "skip"]


class FileEntry(msgspec.Struct, frozen=True, array_like=True):
    """One thing in a folder. `mtime` is seconds since 1970; a link is named and never followed."""

    name: NameBytes
    kind: Literal["file", "folder", "link", "other"]
    size: FileSize
    mtime: float
    mode: FileMode = 0o644


class FileList(Message, frozen=True, tag="files.list"):
    """T->A: what is in a folder (b"": the topmost). `after`: go on behind this name. Answered by `FileEntries`."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.FILES_OUT
    request: RequestId
    path: PathBytes = b""
    after: Annotated[bytes, msgspec.Meta(max_length=NAME_BYTES)] = b""


class FileEntries(Message, frozen=True, tag="files.entries"):
    """A->T: a folder's entries in the order of their bytes, at most `MOST_ENTRIES`; `more`: there are others behind the last.
    `free` is the space left there, in bytes."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    path: PathBytes
    entries: Annotated[list[FileEntry], msgspec.Meta(max_length=MOST_ENTRIES)]
    more: bool = False
    free: FileSize = 0


class FileFolder(Message, frozen=True, tag="files.folder"):
    """T->A: make a folder and those above it; one that is there already is fine. Answered by `FileResult`."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.FILES_IN
    request: RequestId
    path: PathBytes


class FilePut(Message, frozen=True, tag="files.put"):
    """T->A: a file is coming. `conflict`: what to do when the name is taken (ask: end as "exists"). `fresh`: forget what is there
    of an earlier attempt. `parents`: make the folders above it. `sent`: all of it was sent before a cut of this session, with
    this SHA-256; if this session put just that there, it is done. Answered by `FileReady`, or by `FileResult` when nothing is to
    be sent."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.FILES_IN
    request: RequestId
    path: PathBytes
    size: FileSize
    mtime: float = 0.0
    mode: FileMode = 0o644
    conflict: Conflict = "ask"
    fresh: bool = False
    parents: bool = False
    sent: Annotated[bytes, msgspec.Meta(max_length=32)] = b""


class FileGet(Message, frozen=True, tag="files.get"):
    """T->A: send a file from byte `offset` on; `prefix` is the SHA-256 of what is here before that. Answered by `FileReady`,
    pieces and `FileEnd`; or by `FileResult`: "differs" when the file's beginning is another one."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.FILES_OUT
    request: RequestId
    path: PathBytes
    offset: FileSize = 0
    prefix: Annotated[bytes, msgspec.Meta(max_length=32)] = b""


class FileReady(Message, frozen=True, tag="files.ready"):
    """A->T: the transfer begins at byte `offset`; `prefix` is the SHA-256 of the bytes before it (b"" at 0). `size`, `mtime` and
    `mode` are the file's."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    size: FileSize
    offset: FileSize
    prefix: Annotated[bytes, msgspec.Meta(max_length=32)] = b""
    mtime: float = 0.0
    mode: FileMode = 0o644


class FileChunk(Message, frozen=True, tag="files.chunk"):
    """T->A: a piece of a file that is put, in order, without gaps."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.BULK
    CAPABILITY: ClassVar = Capability.FILES_IN
    request: RequestId
    offset: FileSize
    data: Annotated[bytes, msgspec.Meta(min_length=1, max_length=CHUNK_BYTES)]


class FilePiece(Message, frozen=True, tag="files.piece"):
    """A->T: a piece of a file that was asked for, in order, without gaps."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.BULK
    request: RequestId
    offset: FileSize
    data: Annotated[bytes, msgspec.Meta(min_length=1, max_length=CHUNK_BYTES)]


class FileStored(Message, frozen=True, tag="files.stored"):
    """A->T: the first `offset` bytes of what is put are on the disk."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    offset: FileSize


class FileTaken(Message, frozen=True, tag="files.taken"):
    """T->A: the first `offset` bytes of what was asked for have been taken."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.FILES_OUT
    request: RequestId
    offset: FileSize


class FileFinish(Message, frozen=True, tag="files.finish"):
    """T->A: that was all, and this is its SHA-256. Comes behind the chunks, on their lane. Answered by `FileResult`."""

    SENDER: ClassVar = Sender.TECHNICIAN
    LANE: ClassVar = Lane.BULK
    CAPABILITY: ClassVar = Capability.FILES_IN
    request: RequestId
    sha256: Digest


class FileEnd(Message, frozen=True, tag="files.end"):
    """A->T: that was all of what was asked for, and this is its SHA-256. Comes behind the pieces, on their lane."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.BULK
    request: RequestId
    sha256: Digest


class FileStop(Message, frozen=True, tag="files.stop"):
    """T->A: end a transfer; `keep`: what has arrived stays for a later resumption. Not answered."""

    SENDER: ClassVar = Sender.TECHNICIAN
    request: RequestId
    keep: bool = False


class FileResult(Message, frozen=True, tag="files.result"):
    """A->T: how a transfer or a new folder ended. done; exists: the name is taken, ask what to do; skipped: it was to be left as
    it is; differs: what is there of it is not its beginning, or what arrived is not what was sent; stopped: held back for now
    (`reason` says why), to be asked for again; failed. `path` is where it lies."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    outcome: Literal["done", "exists", "skipped", "differs", "stopped", "failed"]
    path: PathBytes = b""
    size: FileSize = 0
    sha256: Annotated[bytes, msgspec.Meta(max_length=32)] = b""
    reason: RefusalReason | None = None
    text: LongText = ""
