"""The rules as they travel over the local socket."""

import msgspec

from agent.allowed import AllowedHere, ApprovedFix, ListedTechnician
from agent.local_messages import AllowedReply, AnySaid
from protocol.capabilities import Capability


def test_they_arrive_as_they_left() -> None:
    rules = AllowedHere(
        "Example Ltd",
        "front",
        60.0,
        listed=1,
        technicians=[ListedTechnician("Ana Ruiz", 2)],
        on_request=[Capability.VIEW],
        fixes=[ApprovedFix("tidy", "1", "Tidy up", "always", True)],
    )
    assert msgspec.json.decode(msgspec.json.encode(AllowedReply(7, rules)), type=AnySaid) == AllowedReply(7, rules)
