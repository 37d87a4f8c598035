"""What the organisation's verified files let be done on this computer, as data for the person at it.

`agent.rulebook` puts it together from the verified files.
"""

from typing import Annotated, Literal

import msgspec

from protocol.capabilities import Capability

MOST_NAMES = 200
MOST_FIXES = 500


class ListedTechnician(msgspec.Struct, frozen=True):
    """One technician of the organisation's signed list."""

    name: str
    tier: int


class ApprovedFix(msgspec.Struct, frozen=True):
    """One fix with enough signatures. `asks`: the person here is asked before every run ("always"), in sessions that they have
    allowed ("attended"), or not again ("never"); `as_root`: it runs as the administrator."""

    id: str
    version: str
    title: str
    asks: Literal["always", "attended", "never"]
    as_root: bool


class AllowedHere(msgspec.Struct, frozen=True):
    """Everything at once. `age`: seconds since the files were signed, None when none was ever received, and then nobody may do
    anything. `technicians` are the first of `listed`. `on_request`: capabilities that may be asked for with a person's consent;
    `unattended`: those that need nobody asked. `grant_seconds`: how long one consent lasts at most."""

    organisation: str
    group: str
    age: float | None
    listed: int = 0
    technicians: Annotated[list[ListedTechnician], msgspec.Meta(max_length=MOST_NAMES)] = []
    on_request: list[Capability] = []
    unattended: list[Capability] = []
    ask_when_present: bool = True
    recording: str = "allowed"
    keep_transcripts: bool = False
    hidden_windows: int = 0
    files_folders: list[str] = []
    grant_seconds: float = 0.0
    fixes_on: bool = True
    fixes: Annotated[list[ApprovedFix], msgspec.Meta(max_length=MOST_FIXES)] = []
