"""Controls of approvals that travel by mail, and how each is taken away."""

from typing import Any

from tests.kit.controls import Patch, control


@control("who sends a decision by mail has signed it, and so has whoever made it")
def approval_signatures(patch: Patch) -> None:
    """Any bytes are a signature, of requests and of what they bring."""
    import msgspec
    from securesystemslib.signer import SSlibKey

    import technician_client.organisation.approval_desk
    from protocol.approvals import ApprovalRequest

    def believe(data: bytes) -> ApprovalRequest:
        return msgspec.msgpack.decode(data, type=ApprovalRequest)

    patch(technician_client.organisation.approval_desk, "decode_request", believe)
    patch(SSlibKey, "verify_signature", lambda self, signature, data: None)


@control("an answer about approvals is the signer's, to the very request that was made")
def approval_answers(patch: Patch) -> None:
    """Any answer will do."""
    import msgspec

    import technician_client.organisation.mailing
    from protocol.approvals import ApprovalAnswer

    def believe(data: bytes, **_: Any) -> ApprovalAnswer:
        return msgspec.msgpack.decode(data, type=ApprovalAnswer)

    patch(technician_client.organisation.mailing, "judge_answer", believe)


@control("a decision that was withdrawn, replaced or has expired is not taken up again")
def approvals_ended(patch: Patch) -> None:
    """Nobody remembers."""
    from technician_client.organisation.approval_desk import ApprovalDesk

    patch(ApprovalDesk, "_ended", lambda self: [])


@control("technicians hold no session with a device whose key or CA was revoked")
def device_revocation(patch: Patch) -> None:
    """Nobody looks."""
    from technician_client.revocations import Revocations

    patch(Revocations, "check", lambda self, identity: None)
