"""Releases of the agent that the organisation has signed: a newer one is verified and laid ready under the home. Nothing here
installs anything; whoever looks after this computer does, with the file that `handrail-agent status` names.

Rollback: the signed files only go forward, and nothing older than what runs is taken. Freeze: files that have expired are not
believed. What was withdrawn is thrown away.
"""

import hashlib
import os
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from hostio.private_files import PrivateFileError, make_private_directory, write_private
from protocol.errors import HandrailError, TrustError, Unavailable
from protocol.releases import RELEASE_NAME, Release, decode_release, newest_release, put_together, version_key

_NOTE = "staged.json"
_NOTE_BYTES = 64 * 1024


class ReleaseSource(Protocol):
    """What is needed of `agent.trust.TrustStore`."""

    def releases(self) -> Collection[str]:
        """The signed paths of the role `agent`, as of the last refresh.

        Raises:
            Unavailable, TrustError: it cannot be fetched, or does not verify.
        """

    def release_target(self, path: str) -> bytes:
        """The verified bytes of one of them; raises as `releases`."""


class StagedReleases:
    """One directory with at most one release that is ready. Blocking."""

    def __init__(self, directory: Path, source: ReleaseSource, *, platform: str, running: str) -> None:
        """Args:
        platform: which releases are for this computer, e.g. "linux-x86_64". running: the version that runs now.
        """
        self._directory = directory
        self._source = source
        self._platform = platform
        self._running = running
        self._stopped = threading.Event()
        # What the signed files said since this program began. The note on the disk alone vouches for nothing: whoever can write
        # there could lay anything ready for an administrator to install.
        self._vouched: Release | None = None
        self._whole: tuple[str | int, ...] = ()  # the file that was last found to be what it should, and when it was written

    def stop(self) -> None:
        """Fetch no more: the agent is stopping, and what is half there is thrown away."""
        self._stopped.set()

    def look(self) -> None:
        """Fetch, verify and lay ready what is newer; throw away what stands no more.

        Raises:
            Unavailable: the relay is away, or the disk is full. TrustError: something does not verify; nothing is ready then.
        """
        version = newest_release(self._source.releases(), self._platform)
        if not version or version_key(version) <= version_key(self._running):
            self._forget()
            return
        if self._vouched is not None and self._vouched.version == version and self.ready() is not None:
            return
        release = decode_release(self._read(f"agent/{self._platform}/{version}/{RELEASE_NAME}"))
        if (release.platform, release.version) != (self._platform, version):
            self._forget()
            raise TrustError(f"The release {version} calls itself {release.platform} {release.version}. It was not taken.")
        self._vouched = release
        if self.ready() is not None:
            return
        self._vouched = None
        data = put_together(release, self._read)
        self._forget()
        try:
            make_private_directory(self._directory)
            write_private(self._directory / release.file, data)
            write_private(self._directory / _NOTE, msgspec.json.encode(release))
        except (PrivateFileError, OSError) as error:
            self._forget()
            raise Unavailable(f"The release {version} cannot be kept: {error}") from error
        self._vouched = release

    def ready(self) -> tuple[Release, Path] | None:
        """The release that is ready and where its file lies, hashed anew where the file is another or was written to; None when
        there is none, it was changed, or `look` has not seen the organisation's signatures for it yet."""
        release = self._note()
        if release is None or release != self._vouched or version_key(release.version) <= version_key(self._running):
            return None
        path = self._directory / release.file
        try:
            with path.open("rb") as file:
                now = os.fstat(file.fileno())
                # The last is the system's own: nobody can set it back.
                state = (release.sha256, now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
                if state == self._whole:
                    return release, path
                data = file.read(release.length + 1)
        except OSError:
            return None
        if len(data) != release.length or hashlib.sha256(data).hexdigest() != release.sha256:
            return None
        self._whole = state
        return release, path

    def sentence(self) -> str:
        """For the status: what is ready, or ""."""
        found = self.ready()
        if found is None:
            return ""
        release, path = found
        return f"Version {release.version} is signed by your organisation and ready in {path} (this is {self._running})."

    def _read(self, path: str) -> bytes:
        if self._stopped.is_set():
            raise Unavailable("The agent is stopping.")
        return self._source.release_target(path)

    def _note(self) -> Release | None:
        try:
            with (self._directory / _NOTE).open("rb") as file:
                return decode_release(file.read(_NOTE_BYTES))
        except (OSError, HandrailError):
            return None

    def _forget(self) -> None:
        """Throw away what lies ready. What cannot be removed (a folder that somebody made there) stays: nothing of it is read."""
        self._vouched = None
        try:
            for path in list(self._directory.iterdir()):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        except OSError:
            return  # there is no such directory, or nobody may look into it: nothing lies ready
