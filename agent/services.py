"""What the daemon lends to every session, in one frozen piece."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from agent.audit import Audit
from agent.company import Company
from agent.consent import ConsentBroker
from agent.features.base import Feature
from agent.guest import GuestCode
from agent.keeping import Keeper
from agent.keys import DeviceKeys
from agent.local_messages import Drawing, Said
from agent.restarting import RestartGrants
from agent.resuming import WaitingRoom
from agent.settings import AgentSettings
from agent.status import StatusBoard
from agent.transport import Relay
from agent.trust import TrustStore
from protocol.limits import LIMITS, Limits

if TYPE_CHECKING:
    from agent.session import AssistedSession


@dataclass(frozen=True, slots=True)
class Services:
    """What the daemon lends to every session. `refresh_trust` fetches newer signed files if it can; `busy` is a sentence when no
    further session may open; `desktop_taken_by` names who else has the desktop ("": nobody); `relay` is there so that
    diagnostics can test the way to it; `waiting` keeps sessions that lost their tunnel (None: such a session is over);
    `guest` is the code of a device that is not enrolled (None: it is enrolled)."""

    keys: DeviceKeys
    settings: AgentSettings
    trust: TrustStore
    audit: Audit
    broker: ConsentBroker
    board: StatusBoard
    features: tuple[type[Feature], ...]
    announce: Callable[[Said], None]
    refresh_trust: Callable[[], Awaitable[None]]
    busy: Callable[["AssistedSession"], str]
    desktop_taken_by: Callable[["AssistedSession"], str]
    wall: Callable[[], datetime]
    platform: str = ""
    limits: Limits = LIMITS
    relay: Relay | None = None
    waiting: WaitingRoom | None = None
    restarts: RestartGrants | None = None  # what survives a restart of the computer (None: nothing)
    guest: GuestCode | None = None
    keeper: Keeper = field(default_factory=Keeper)  # what sessions keep running while their connection is cut
    company: Company = field(default_factory=Company)  # what technicians who are here at once may do together
    draw: Callable[[Drawing], bool] = lambda _: False  # shows a drawing on the screen; False where nothing can
