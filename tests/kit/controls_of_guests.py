"""Controls of guests' sessions, and how each is taken away."""

from typing import Any

from tests.kit.controls import Patch, control


@control("guest and technician prove to each other that they know the secret half of the code (SPAKE2)")
def guest_proof(patch: Patch) -> None:
    """Any proof is a proof."""
    import protocol.guest

    patch(protocol.guest, "same", lambda one, other: True)


@control("the proof is bound to both certificates and to the one TLS connection")
def guest_binding(patch: Patch) -> None:
    """It says only that somebody knows the secret."""
    import protocol.guest

    patch(protocol.guest, "identities", lambda technician_leaf, guest_leaf: (b"technician", b"guest"))
    patch(protocol.guest, "bound_to", lambda exporter: b"")


@control("an ephemeral certificate is accepted where a guest's code was typed, and nowhere else")
def guest_mode(patch: Patch) -> None:
    """Nine digits lead to guests as well."""
    from protocol.channel import SealedChannel

    plain = SealedChannel.technician.__func__  # type: ignore[attr-defined]

    def anywhere(cls: Any, *arguments: Any, **named: Any) -> Any:
        return plain(cls, *arguments, **{**named, "guest": True})

    patch(SealedChannel, "technician", classmethod(anywhere))


@control("one attempt uses a guest's code up at the guest")
def guest_code_once(patch: Patch) -> None:
    """It can be tried as often as one likes."""
    from agent.guest import GuestCode

    patch(GuestCode, "burn", lambda self: None)


@control("one attempt uses a guest's code up at the technician")
def spent_codes(patch: Patch) -> None:
    """It can be typed again."""
    from technician_client.spent import SpentCodes

    patch(SpentCodes, "spend", lambda self, code: None)


@control("a guest grants at most view, chat, diagnostics, pointer and control")
def guest_capabilities(patch: Patch) -> None:
    """A guest grants whatever an enrolled device grants."""
    import agent.policy

    patch(agent.policy, "CHECKS", tuple(check for check in agent.policy.CHECKS if check is not agent.policy._guest))
