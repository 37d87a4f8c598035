"""What state the machine is in: tables under osquery's names, and findings made from them by rule."""

from typing import Annotated, ClassVar, Literal

import msgspec

from protocol.capabilities import Capability
from protocol.messages.base import Lane, LongText, Message, RequestId, Sender, ShortText

Cell = str | int | float | bool | None
Row = dict[str, Cell]


class Finding(msgspec.Struct, frozen=True):
    """Something wrong, by rule. `evidence` quotes the cells that led to it; `fix` is the id of the approved script that answers
    it and `fix_parameters` what it should be given ("" and {}: none)."""

    id: ShortText
    title: ShortText
    severity: Literal["critical", "warning", "notice"]
    text: LongText
    evidence: Annotated[dict[str, Cell], msgspec.Meta(max_length=32)]
    fix: ShortText = ""
    fix_parameters: Annotated[dict[str, str | int | bool], msgspec.Meta(max_length=16)] = {}
    article: ShortText = ""


class DiagnosticsCollect(Message, frozen=True, tag="diagnostics.collect"):
    """T->A: run probes and rules. `tables`: osquery names, empty for all."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.DIAGNOSTICS
    request: RequestId
    tables: Annotated[list[ShortText], msgspec.Meta(max_length=64)] = []


class DiagnosticsTable(Message, frozen=True, tag="diagnostics.table"):
    """A->T: one table. `reason` says why it is not `ok`; `truncated` counts rows left out by the size budget."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.CONTROL
    request: RequestId
    name: ShortText
    status: Literal["ok", "unsupported", "failed"]
    duration_ms: float
    budget_ms: float
    rows: list[Row]
    reason: LongText = ""
    truncated: int = 0


class DiagnosticsDone(Message, frozen=True, tag="diagnostics.done"):
    """A->T: every table has been sent; these are the findings."""

    SENDER: ClassVar = Sender.AGENT
    request: RequestId
    findings: Annotated[list[Finding], msgspec.Meta(max_length=200)]
    duration_ms: float
    taken_at: float
