"""The organisation's signed files on a technician's or an approver's computer, as the relay mirrors them.

The Update Framework (python-tuf) verifies them from the root that came with the bundle; what was verified stays here, so that
nothing older is believed afterwards. The clock is never earlier than what signed files have proved. Blocking: worker threads.
"""

import threading
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from tuf.api.metadata import Metadata, Root, TargetFile, Targets, Timestamp
from tuf.ngclient import Updater

from hostio.private_files import make_private_directory, read_private, write_private
from hostio.signed_repository import MAX_FILE_BYTES, Mirror, fetch_target, in_our_words, make_updater
from protocol.errors import TrustError, Unavailable
from protocol.freshness import issued_at, judged_at, next_floor, unchanged

ROLES = ("scripts", "agent", "policy", "revocation")
_STATE = "state.json"
_STATE_BYTES = 4096


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered beside the files: seconds since 1970. `highest`: the highest that `floor` ever was."""

    version: Annotated[int, msgspec.Meta(ge=0)] = 0
    issued: float = 0.0
    floor: float = 0.0
    verified_at: float = 0.0
    highest: float = 0.0


class SignedFiles:
    """Verified metadata and targets of one organisation."""

    def __init__(self, directory: Path, tuf_root: bytes, mirror: Mirror) -> None:
        """Args:
            directory: this store's own; made if missing.
            tuf_root: the pinned root of the repository, JSON.
            mirror: where newer files come from.

        Raises:
            PrivateFileError: the directory cannot be made.
        """
        self._directory = make_private_directory(directory)
        self._metadata = make_private_directory(directory / "metadata")
        self._objects = make_private_directory(directory / "objects")
        self._root = tuf_root
        self._mirror = mirror
        self._lock = threading.Lock()
        self._updater: Updater | None = None
        self._whole: bytes | None = None  # the timestamp of the last refresh that ended well: a newer one may lie beside it
        self._looked = self._wall = 0.0  # as of when everything was judged, and what this computer's clock said then
        self._state = _State()
        try:
            self._state = msgspec.json.decode(read_private(directory / _STATE, _STATE_BYTES, secret=False), type=_State)
        except (FileNotFoundError, ValueError, RecursionError):
            pass  # the first time, or damaged: the metadata beside it is verified in any case

    @property
    def version(self) -> int:
        """Version of the newest verified timestamp; 0 before the first."""
        return self._state.version

    def age(self, wall: datetime) -> float | None:
        """Seconds since the newest verified timestamp was signed; None before the first."""
        state = self._state
        return max(0.0, self.clock(wall) - min(state.issued, state.verified_at)) if state.version else None

    def clock(self, wall: datetime) -> float:
        """The wall time, never earlier than what signed files have proved."""
        return max(wall.timestamp(), self._state.floor)

    def refresh(self, wall: datetime) -> bool:
        """Fetch and verify what is newer; one small request where nothing is.

        Returns:
            Whether there is something newer than before.

        Raises:
            Unavailable: the relay is away, or the files cannot be stored.
            TrustError: something does not verify, or has expired.
        """
        with self._lock:
            self._wall = wall.timestamp()
            moment = judged_at(self._wall, max(self._state.highest, self._state.floor))
            return in_our_words(lambda: self._refresh(moment, self._wall), moment, self._wall)

    def _refresh(self, moment: float, wall: float) -> bool:
        whole = self._whole
        if self._updater is not None and whole is not None:
            expires = Metadata[Timestamp].from_bytes(whole).signed.expires.timestamp()
            try:
                served = self._mirror.read("metadata/timestamp.json", MAX_FILE_BYTES)
            except FileNotFoundError as error:
                raise Unavailable(
                    "The relay does not hold the organisation's signed files any more. Is `handrail signer` running?"
                ) from error
            if unchanged(whole, served, self._looked, moment, expires):
                return False
        updater = make_updater(self._metadata, self._objects, self._root, self._mirror, moment)
        updater.refresh()
        data = (self._metadata / "timestamp.json").read_bytes()
        timestamp = Metadata[Timestamp].from_bytes(data).signed
        before, issued = self._state, issued_at(timestamp.unrecognized_fields)
        newer = timestamp.version > before.version
        highest = max(before.highest, before.floor)
        floor = next_floor(before.floor, highest, issued, wall) if newer else before.floor
        self._state = _State(timestamp.version, issued, floor, wall, max(highest, floor))
        write_private(self._directory / _STATE, msgspec.json.encode(self._state))
        self._updater, self._whole, self._looked = updater, data, moment
        return timestamp.version != before.version

    def role(self, name: str) -> bytes:
        """The verified file of a delegated role or of "targets", as it is signed (after `refresh`).

        Raises:
            Unavailable, TrustError: as `refresh`.
        """
        updater = self._loaded()
        if name not in ("root", "targets"):
            none = f"{name}/-/-/-" if name in ("scripts", "agent") else f"{name}/-"  # there is no such file; the role is loaded
            remedy = f"the organisation's decisions about {name} were not signed anew in time: `handrail org renew`"
            in_our_words(lambda: updater.get_targetinfo(none), self._looked, self._wall, remedy)
        return (self._metadata / f"{name}.json").read_bytes()

    def roots(self) -> dict[int, bytes]:
        """Every verified root from the pinned one on, by version."""
        first = Metadata[Root].from_bytes(self._root).signed.version
        found = {first: self._root}
        for path in (self._metadata / "root_history").glob("*.root.json"):
            version = int(path.name.partition(".")[0])
            if version > first:
                found[version] = path.read_bytes()
        return found

    def snapshot(self) -> tuple[bytes, bytes]:
        """The verified snapshot and timestamp, as they are signed."""
        return (self._metadata / "snapshot.json").read_bytes(), (self._metadata / "timestamp.json").read_bytes()

    def listed(self, role: str) -> dict[str, TargetFile]:
        """The targets of a role, by path; raises as `role`."""
        return Metadata[Targets].from_bytes(self.role(role)).signed.targets

    def target(self, path: str) -> bytes:
        """The verified bytes of a target.

        Raises:
            TrustError: the organisation signed no such file, or the relay serves other bytes. Unavailable: as `refresh`.
        """
        updater = self._loaded()

        def load() -> bytes:
            data = fetch_target(updater, self._objects, path)
            if data is None:
                raise TrustError(f"The organisation's repository does not hold {path}.")
            return data

        return in_our_words(load, self._looked, self._wall)

    def drop_targets(self) -> None:
        """Keep no target any longer: they were taken over elsewhere, or are fetched again when they are wanted.

        Raises:
            Unavailable: they cannot be removed.
        """
        try:
            for path in self._objects.iterdir():
                path.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"What was fetched cannot be removed: {error.strerror or error}.") from error

    def _loaded(self) -> Updater:
        if self._updater is None:
            raise TrustError("The organisation's signed files were not fetched yet.")
        return self._updater
