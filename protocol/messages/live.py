"""What a machine does at this moment: load, memory, disks and network by the second, the busiest programs, the services.

Belongs to the capability `diagnostics`: it shows what a snapshot shows, only again and again. Names of programs, never their
arguments. Nothing here changes anything: programs are ended and services restarted through approved fixes.
"""

from typing import Annotated, ClassVar, Literal

import msgspec

from protocol.capabilities import Capability
from protocol.messages.base import Lane, LongText, Message, RequestId, Sender, ShortText

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=10**6)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=2.0**53)]

PROCESS_ROWS = 120
SERVICE_ROWS = 1000
CORES = 1024


class LiveStart(Message, frozen=True, tag="live.start"):
    """T->A: send samples from now on, instead of what an earlier `LiveStart` asked for. `interval`: seconds between samples;
    programs and services come at longer intervals of their own. `text` keeps programs and services whose name, user or
    description holds it."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.DIAGNOSTICS
    request: RequestId
    interval: Annotated[float, msgspec.Meta(ge=0.5, le=60)] = 1.0
    processes: bool = False
    services: bool = False
    order: Literal["cpu", "memory"] = "cpu"
    text: Annotated[str, msgspec.Meta(max_length=100)] = ""


class LiveStop(Message, frozen=True, tag="live.stop"):
    """T->A: enough."""

    SENDER: ClassVar = Sender.TECHNICIAN
    CAPABILITY: ClassVar = Capability.DIAGNOSTICS


class LiveSample(Message, frozen=True, tag="live.sample"):
    """A->T: one moment. Percent of all processors and of each; bytes; bytes a second since the sample before. `load` is the mean
    number of programs that wanted a processor in the last minute (0 where the system does not count it). `skipped` samples were
    left out since the last because the connection was behind."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.CONTROL
    request: RequestId
    taken_at: float
    cpu: Percent
    cores: Annotated[list[Percent], msgspec.Meta(max_length=CORES)]
    memory_used: Count
    memory_total: Count
    swap_used: Count
    swap_total: Count
    disk_read: Rate
    disk_write: Rate
    received: Rate
    sent: Rate
    load: Percent = 0.0
    skipped: Count = 0


class ProcessRow(msgspec.Struct, frozen=True, array_like=True):
    """One program. `cpu` is percent of one processor, `memory` resident bytes, `started_at` seconds since 1970; `own`: it is
    the agent's."""

    pid: Count
    name: ShortText
    user: ShortText
    cpu: Percent
    memory: Count
    state: Annotated[str, msgspec.Meta(max_length=2)]
    threads: Count
    started_at: float
    own: bool = False


class LiveProcesses(Message, frozen=True, tag="live.processes"):
    """A->T: the first programs in the order asked for; `total` how many match, of `running` that there are."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.CONTROL
    request: RequestId
    running: Count
    total: Count
    rows: Annotated[list[ProcessRow], msgspec.Meta(max_length=PROCESS_ROWS)]


class ServiceRow(msgspec.Struct, frozen=True, array_like=True):
    """One service of the system's service manager, in its own words for states."""

    id: ShortText
    description: ShortText
    active: Annotated[str, msgspec.Meta(max_length=40)]
    sub: Annotated[str, msgspec.Meta(max_length=40)]


class LiveServices(Message, frozen=True, tag="live.services"):
    """A->T: the services, those that failed first; sent when something in it changed. `reason` says why there are none."""

    SENDER: ClassVar = Sender.AGENT
    LANE: ClassVar = Lane.CONTROL
    request: RequestId
    status: Literal["ok", "unsupported", "failed"]
    total: Count
    rows: Annotated[list[ServiceRow], msgspec.Meta(max_length=SERVICE_ROWS)]
    reason: LongText = ""
