"""Approved fix scripts: what there is, running one, and the proof that it worked."""

from typing import Annotated, ClassVar, Final, Literal

import msgspec

from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages.base import Lane, LongText, Message, RequestId, Sender, ShortText
from protocol.messages.diagnostics import Finding

ParameterValue = str | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | bool
FixDigest = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64})?\Z")]
"""SHA-256 (hex) of a script's manifest as it was signed, which names its files by their SHA-256: the whole script in one value.
"" where the other side is of a version that knows none."""
SHORT_DIGEST: Final = 12
"""How many of its digits people are shown."""


class FixParameter(msgspec.Struct, frozen=True):
    """One typed parameter of a script, as its manifest declares it. `kind`: text (fullmatch of `pattern`), int (`low`..`high`),
    bool, or choice (one of `choices`)."""

    name: ShortText
    kind: Literal["text", "int", "bool", "choice"]
    title: ShortText = ""
    required: bool = True
    default: ParameterValue | None = None
    pattern: ShortText = ""
    low: int | None = None
    high: int | None = None
    choices: list[ShortText] = []


class FixEntry(msgspec.Struct, frozen=True):
    """One approved script as the agent has verified it. `available` is False when this machine cannot run it (`why_not`);
    `digest` names these very bytes."""

    id: ShortText
    version: ShortText
    title: ShortText
    description: LongText
    min_tier: int
    run_as: Literal["user", "root"]
    parameters: list[FixParameter] = []
    answers: list[ShortText] = []
    effects: list[ShortText] = []
    available: bool = True
    why_not: ShortText = ""
    digest: FixDigest = ""


class FixList(Message, frozen=True, tag="fixes.list"):
    """T->A: which approved scripts are there."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.DIAGNOSTICS
    request: RequestId


class FixCatalogue(Message, frozen=True, tag="fixes.catalogue"):
    """A->T: answer to `FixList`."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    fixes: Annotated[list[FixEntry], msgspec.Meta(max_length=500)]


class FixRun(Message, frozen=True, tag="fixes.run"):
    """T->A: run an approved script. `finding` is the id of the finding it answers ("" when none led to it). `digest` is that of
    the script as the technician has seen it; the agent runs no other."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.FIXES
    request: RequestId
    id: ShortText
    parameters: Annotated[dict[str, ParameterValue], msgspec.Meta(max_length=32)] = {}
    finding: ShortText = ""
    digest: FixDigest = ""


class FixCancel(Message, frozen=True, tag="fixes.cancel"):
    """T->A: stop a running script; its process group is killed."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.FIXES
    request: RequestId


class FixStage(Message, frozen=True, tag="fixes.stage"):
    """A->T: how far it has come."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    stage: Literal["verify_signature", "consent", "detect", "run", "verify", "undo", "findings"]


class FixOutput(Message, frozen=True, tag="fixes.output"):
    """A->T: output as it comes, UTF-8 with replacement characters; control characters other than newline and tab are escaped."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.CONTROL
    request: RequestId
    stage: ShortText
    stream: Literal["stdout", "stderr"]
    text: Annotated[str, msgspec.Meta(max_length=16384)]


class FixResult(Message, frozen=True, tag="fixes.result"):
    """A->T: the end of a run and its proof. `outcome`: fixed (verify succeeded), not_needed (detect found nothing to do),
    done (ran, has no verify step), failed, verify_failed, undone, timed_out, cancelled, refused (`reason` says why). `version`
    and `digest` are those of the script that is approved here ("" when there is none)."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    id: ShortText
    version: ShortText
    outcome: Literal["fixed", "not_needed", "done", "failed", "verify_failed", "undone", "timed_out", "cancelled", "refused"]
    duration_ms: float
    exit_code: int | None = None
    reason: RefusalReason | None = None
    text: LongText = ""
    truncated: bool = False
    before: Annotated[list[Finding], msgspec.Meta(max_length=200)] = []
    after: Annotated[list[Finding], msgspec.Meta(max_length=200)] = []
    digest: FixDigest = ""
