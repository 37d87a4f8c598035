"""What survives one restart of the computer: written down only where the user said so, bound to two keys, used once.

While such a session lasts, a file of its own (mode 0600) says what is granted to whom and when the session was last alive; it
goes with the session. An agent that starts after a restart reads every file once and deletes it before anything else happens.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from agent.policy import SessionKind
from hostio.private_files import PrivateFileError, read_private, write_private
from protocol.capabilities import Capability
from protocol.messages.session import RESTART_SECONDS_MOST

_LOGGER = logging.getLogger(__name__)
FILE_BYTES: Final = 16 * 1024
MOST_FILES: Final = 16
CLOCK_TOLERANCE: Final = 120.0

Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class RestartGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One session that may go on after a restart. Keys are the hex SHA-256 of the SPKI of the session keys; times in seconds
    since 1970; `window`: so many seconds after `alive_at` it may go on; `boot`: the start of the computer that wrote it."""

    v: Literal[1] = 1
    session: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{1,64}\Z")]
    technician_key: Key
    own_key: Key
    name: Annotated[str, msgspec.Meta(max_length=200)]
    tier: Annotated[int, msgspec.Meta(ge=0, le=3)]
    kind: SessionKind
    granted: Annotated[list[Capability], msgspec.Meta(min_length=1, max_length=32)]
    paused: bool
    asked_for: Annotated[str, msgspec.Meta(max_length=500)]
    opened_at: float
    granted_until: float
    window: Annotated[float, msgspec.Meta(gt=0, le=RESTART_SECONDS_MOST)]
    alive_at: float
    boot: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]

    @property
    def until(self) -> float:
        """Until when it may go on."""
        return min(self.alive_at + self.window, self.granted_until)

    def objection(self, boot: str, wall: float) -> str:
        """Why it does not go on; "" when it may."""
        if self.boot == boot:
            return "the computer was not restarted"
        if wall < self.alive_at - CLOCK_TOLERANCE:
            return "the clock stands before the time at which it was written"
        return "" if wall < self.until else "its time is over"


class RestartGrants:
    """The files of one agent. `frozen`: the agent goes down, and what is written stays as it is."""

    def __init__(self, directory: Path, *, boot: str, wall: Callable[[], float]) -> None:
        """Args: boot: names this start of the computer; "" where that cannot be known, then nothing survives."""
        self._directory = directory
        self._boot = boot
        self._wall = wall
        self.frozen = False

    @property
    def possible(self) -> bool:
        """Whether a restart of this computer can be told from one of the agent."""
        return bool(self._boot)

    @property
    def boot(self) -> str:
        """This start of the computer."""
        return self._boot

    def keep(self, grant: RestartGrant) -> bool:
        """Write it down, or what it has become. False: it could not be written, and does not survive."""
        if self.frozen:
            return True
        try:
            write_private(self._path(grant.session), msgspec.json.encode(grant))
        except PrivateFileError as error:
            _LOGGER.warning("session %s will not survive a restart: %s", grant.session, error)
            return False
        return True

    def forget(self, session: str) -> None:
        """It does not survive a restart any more."""
        if not self.frozen:
            self._delete(self._path(session))

    def take(self) -> list[RestartGrant]:
        """Everything that survived, once: the files are gone afterwards, also those that do not count."""
        found: list[RestartGrant] = []
        paths = sorted(self._directory.glob("*.json")) if self._directory.is_dir() else []
        for path in paths:
            grant = self._read(path) if len(found) < MOST_FILES else None
            if not self._delete(path) or grant is None:
                continue  # what cannot be deleted could be used twice
            objection = grant.objection(self._boot, self._wall())
            if objection:
                _LOGGER.info("session %s does not go on: %s", grant.session, objection)
            else:
                found.append(grant)
        return found

    def _read(self, path: Path) -> RestartGrant | None:
        try:
            return msgspec.json.decode(read_private(path, FILE_BYTES), type=RestartGrant)
        except (FileNotFoundError, PrivateFileError, ValueError, RecursionError) as error:
            _LOGGER.warning("%s is not used: %s", path, error)
            return None

    def _delete(self, path: Path) -> bool:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            _LOGGER.error("%s cannot be deleted: %s", path, error)
            return False
        return True

    def _path(self, session: str) -> Path:
        return self._directory / f"{session}.json"
