"""Many files, one after the other and a few at once, through as many sessions as it takes."""

import asyncio
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from protocol.errors import HandrailError, RefusalReason, Refused
from protocol.messages.files import Conflict, FileResult
from protocol.transfer import BulkPacer, check_name, shown, split_path
from technician_client.errors import SessionLost
from technician_client.local_files import LocalSink, LocalSource, found_below, open_below
from technician_client.transfers import Channel, Download, Transfer, Upload, list_whole, make_folder

AT_ONCE: Final = 3
MOST_FILES: Final = 100_000


@dataclass(slots=True)
class Carried:
    """How one file fared. `outcome` as in `FileResult`; `path` is where it lies now, for people."""

    name: str
    outcome: str
    path: str = ""
    size: int = 0
    sha256: str = ""
    text: str = ""

    @property
    def good(self) -> bool:
        """It lies where it should."""
        return self.outcome in ("done", "skipped")


class Job(ABC):
    """One file or folder to be moved. `transfer` is there while bytes are."""

    def __init__(self, name: bytes) -> None:
        self.name = shown(name)
        self.transfer: Transfer | None = None

    @abstractmethod
    async def run(self, session: Channel) -> Carried:
        """Move it; called again with another session after `SessionLost`. Raises as `Transfer.run`."""

    def close(self) -> None:  # noqa: B027 - a folder holds nothing here
        """Let go of the file here."""


class FolderJob(Job):
    """A folder to be made on the device."""

    def __init__(self, path: bytes) -> None:
        super().__init__(path)
        self._path = path

    async def run(self, session: Channel) -> Carried:
        """See `Job`."""
        await make_folder(session, self._path)
        return Carried(self.name, "done", self.name)


class PutJob(Job):
    """A file here that is put on the device."""

    def __init__(self, local: Path, remote: bytes, conflict: Conflict, pacer: BulkPacer) -> None:
        super().__init__(remote)
        self._local, self._remote, self._conflict, self._pacer = local, remote, conflict, pacer
        self._source: LocalSource | None = None

    async def run(self, session: Channel) -> Carried:
        """See `Job`."""
        if self.transfer is None:
            self._source = LocalSource(self._local)
            self.transfer = Upload(self._source, self._remote, pacer=self._pacer, conflict=self._conflict, parents=True)
        return carried(self.name, await self.transfer.run(session))

    def close(self) -> None:
        """See `Job`."""
        if self._source is not None:
            self._source.close()


class GetJob(Job):
    """A file of the device that is taken."""

    def __init__(self, device: str, remote: bytes, top: Path, parts: tuple[bytes, ...], conflict: Conflict) -> None:
        super().__init__(remote)
        self._of = device.encode() + b"\0" + remote
        self._remote, self._top, self._parts, self._conflict = remote, top, parts, conflict
        self._sink: LocalSink | None = None

    async def run(self, session: Channel) -> Carried:
        """See `Job`."""
        if self._sink is None:
            self._sink = await LocalSink.open(self._top, self._parts, of=self._of, conflict=self._conflict)
            if self._sink is None:
                return Carried(self.name, "skipped", text="It is here already.")
            sink = self._sink
            self.transfer = Download(
                self._remote, sink, on_ready=lambda ready: sink.demand_room(ready.size), here=sink.here, digest=sink.digest
            )
        assert isinstance(self.transfer, Download)
        try:
            result = await self.transfer.run(session)
        except SessionLost:
            raise
        except HandrailError as error:
            return Carried(self.name, "failed", text=str(error))
        if result.outcome != "done":
            return carried(self.name, result)
        path = await self._sink.finish(self.transfer.mode, self.transfer.mtime)
        shown_path = shown(path)
        return Carried(self.name, "done", shown_path, result.size, result.sha256.hex())

    def close(self) -> None:
        """See `Job`."""
        if self._sink is not None:
            self._sink.close()


def carried(name: str, result: FileResult) -> Carried:
    """What the device says of a file, for people."""
    text = result.text
    if result.outcome == "exists":
        text = "Something of this name is there already. Say --replace, --rename or --skip."
    return Carried(name, result.outcome, shown(result.path), result.size, result.sha256.hex(), text)


def put_jobs(locals_: list[Path], to: bytes, conflict: Conflict) -> list[Job]:
    """What is to be done to put these files and folders below `to`.

    Raises:
        HandrailError: something here cannot be read. Refused: a name that cannot be there.
    """
    jobs: list[Job] = []
    pacer = BulkPacer()
    for local in locals_:
        top = (to + b"/" if to else b"") + check_name(local.resolve().name.encode("utf-8", "surrogateescape"))
        for found in found_below(local):
            remote = top + b"/" + found.below if found.below else top
            split_path(remote)
            jobs.append(FolderJob(remote) if found.folder else PutJob(found.path, remote, conflict, pacer))
    return jobs


async def get_jobs(session: Channel, device: str, remotes: list[bytes], to: Path, conflict: Conflict) -> list[Job]:
    """What is to be done to take these files and folders into the folder `to`; folders are made here.

    Raises:
        Refused: one is not there, or holds more than is taken at once. SessionLost.
    """
    jobs: list[Job] = []
    for remote in remotes:
        parts = split_path(remote)
        if not parts:
            raise Refused("Name files or folders to take.", reason=RefusalReason.INVALID)
        entries = await list_whole(session, b"/".join(parts[:-1]))
        entry = next((entry for entry in entries if entry.name == parts[-1]), None)
        if entry is None:
            raise Refused(f"{shown(remote)} is not there.", reason=RefusalReason.NOT_FOUND)
        if entry.kind == "folder":
            jobs += await _inside(session, device, remote, to, (parts[-1],), conflict)
        else:
            jobs.append(GetJob(device, remote, to, (parts[-1],), conflict))
    return jobs


async def _inside(
    session: Channel, device: str, remote: bytes, to: Path, here: tuple[bytes, ...], conflict: Conflict
) -> list[Job]:
    """The files of a folder of the device and of the folders in it. The device cannot make this endless: depth and number end."""
    jobs: list[Job] = []
    waiting = deque([(remote, here)])
    while waiting:
        folder, parts = waiting.popleft()
        os.close(await asyncio.to_thread(open_below, to, parts))
        for entry in await list_whole(session, folder):
            inner = folder + b"/" + entry.name
            split_path(inner)
            if entry.kind == "folder":
                waiting.append((inner, (*parts, entry.name)))
            elif entry.kind == "file":
                jobs.append(GetJob(device, inner, to, (*parts, entry.name), conflict))
            if len(jobs) + len(waiting) > MOST_FILES:
                raise Refused(f"More than {MOST_FILES} files are not taken at once.", reason=RefusalReason.LIMIT)
    return jobs


class Carrier:
    """Runs jobs, `AT_ONCE` at a time. What a lost session interrupts is done first when `run` is called with the next one."""

    def __init__(self, jobs: list[Job], on_end: Callable[[Job, Carried], None]) -> None:
        """Args: on_end: told of each job as it ends."""
        self._waiting = deque(jobs)
        self._on_end = on_end
        self.running: list[Job] = []

    async def run(self, session: Channel) -> None:
        """Until every job has ended. One that fails does not keep the others from being done.

        Raises:
            SessionLost: call it again with the session that goes on.
        """
        loss: list[SessionLost] = []

        async def work() -> None:
            while self._waiting and not loss:
                job = self._waiting.popleft()
                self.running.append(job)
                try:
                    ended = await job.run(session)
                except SessionLost as error:
                    self._waiting.appendleft(job)
                    loss.append(error)
                    return
                except HandrailError as error:
                    ended = Carried(job.name, "failed", text=str(error))
                finally:
                    self.running.remove(job)
                job.close()
                self._on_end(job, ended)

        # Folders come before what is in them.
        while self._waiting and isinstance(self._waiting[0], FolderJob) and not loss:
            job = self._waiting.popleft()
            try:
                self._on_end(job, await job.run(session))
            except SessionLost:
                self._waiting.appendleft(job)
                raise
            except HandrailError as error:
                self._on_end(job, Carried(job.name, "failed", text=str(error)))
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                _ = group.create_task(work())
        if loss:
            raise loss[0]

    def close(self) -> None:
        """Let go of every file here."""
        for job in (*self._waiting, *self.running):
            job.close()
