"""The controls that attack tests are about, and how each is taken away to show that its test notices.

A control is taken away by replacing one function of the product, in this process or, through `without_controls/sitecustomize.py`,
in a process of the product. Nothing here is part of the product.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Patch = Callable[[Any, str, Any], None]


@dataclass(frozen=True)
class Control:
    """One control: what it is in the words of THREATS.md, and how to take it away."""

    name: str
    what: str
    take_away: Callable[[Patch], None]


CONTROLS: dict[str, Control] = {}


def control(what: str) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Registers a function that takes a control away; its name is the control's."""

    def register(function: Callable[[Patch], None]) -> Callable[[Patch], None]:
        CONTROLS[function.__name__] = Control(function.__name__, what, function)
        return function

    return register


def take_away(name: str, patch: Patch) -> None:
    """Take one control away with `patch(owner, attribute, value)`: setattr, or a monkeypatch's that is undone."""
    CONTROLS[name].take_away(patch)


@control("TLS 1.3 between technician and agent: encryption and integrity of every record")
def sealed_channel(patch: Patch) -> None:
    """Puts the kit's null channel in place."""
    import protocol.agent_session
    import protocol.channel
    import protocol.technician_session
    from tests.kit.null import NullChannel

    for module in (protocol.channel, protocol.agent_session, protocol.technician_session):
        patch(module, "SealedChannel", NullChannel)


@control("the commitment to the technician's nonce, opened before the SAS is made")
def commitment(patch: Patch) -> None:
    """Any nonce opens any commitment."""
    import protocol.agent_session

    patch(protocol.agent_session, "check_commitment", lambda commit, nonce: None)


@control("every message is refused unless its capability is granted at that moment")
def capability_check(patch: Patch) -> None:
    """The machine lets everything through."""
    from protocol.agent_session import AgentSession
    from protocol.messages import Lane, Message
    from protocol.session_core import MessageReceived

    def let_through(self: AgentSession, message: Message, lane: Lane, size: int, now: float) -> None:
        self._emit(MessageReceived(message), lane, size)

    patch(AgentSession, "_receive_feature", let_through)


@control("the technician's side demands the device it meant")
def expected_device(patch: Patch) -> None:
    """Any device of the organisation will do, whatever the relay called it."""
    import technician_client.sessions
    from protocol.technician_session import TechnicianSession

    patch(technician_client.sessions, "check_offer", lambda offer, identity, *, asked: None)

    plain = TechnicianSession.__init__

    def forgetful(self: TechnicianSession, *arguments: Any, **named: Any) -> None:
        plain(self, *arguments, **{**named, "expected_device": None})

    patch(TechnicianSession, "__init__", forgetful)


# The rest, by what they protect. At the end, because they register themselves with what stands above.
from tests.kit import (  # noqa: E402
    controls_of_approvals,
    controls_of_channel,
    controls_of_computers,
    controls_of_files,
    controls_of_guests,
    controls_of_sessions,
)

__all__ = [
    "CONTROLS",
    "Control",
    "Patch",
    "control",
    "controls_of_approvals",
    "controls_of_channel",
    "controls_of_computers",
    "controls_of_files",
    "controls_of_guests",
    "controls_of_sessions",
    "take_away",
]
