"""Diagnostics for a technician: tables as they come, then findings.

One snapshot at a time for each session; a second request while one runs is refused as busy, so that asking in a loop cannot keep
the machine's processors to itself.
"""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from agent.diagnostics.collect import Collector, TableResult
from agent.diagnostics.findings import evaluate
from agent.diagnostics.probe import Environment, Probe, Target, Threads
from agent.diagnostics.probes import all_probes
from agent.diagnostics.rules import RULES
from agent.features.base import Feature, FeatureContext
from agent.transport import Relay
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused
from protocol.messages import Message
from protocol.messages.diagnostics import DiagnosticsCollect, DiagnosticsDone, DiagnosticsTable, Finding

_LOGGER = logging.getLogger(__name__)


def reach_targets(relay: Relay | None, reach: Sequence[str]) -> tuple[Target, ...]:
    """What is tested for reachability: the relay, and the `host:port` pairs of the settings (TLS on 443 and 8443 only)."""
    targets = [] if relay is None else [Target(relay.host, relay.port, relay.scheme == "https", relay.spki)]
    for pair in reach:
        host, colon, port = pair.rpartition(":")
        if colon and host and port.isdecimal() and 0 < int(port) < 65536:
            targets.append(Target(host.strip("[]"), int(port), int(port) in (443, 8443)))
        else:
            _LOGGER.warning("diagnostics.reach: %r is not host:port and is not tested", pair)
    return tuple(targets)


def make_environment(context: FeatureContext, threads: Threads) -> Environment:
    """The environment in which this session's probes look at the machine."""
    targets = reach_targets(context.relay, context.settings.diagnostics.reach)
    return Environment(wall=time.time, home=Path.home(), targets=targets, threads=threads)


async def snapshot(
    collector: Collector, environment: Environment, tables: Sequence[str] = ()
) -> tuple[list[TableResult], list[Finding]]:
    """Collect and evaluate in one go."""
    results = await collector.collect(environment, tables)
    return results, evaluate(results, RULES)


def as_message(request: int, result: TableResult) -> DiagnosticsTable:
    """A table on the wire."""
    return DiagnosticsTable(
        request=request,
        name=result.name,
        status=result.status,
        duration_ms=result.duration_ms,
        budget_ms=result.budget_ms,
        rows=list(result.rows),
        reason=result.reason,
        truncated=result.truncated,
    )


class DiagnosticsFeature(Feature):
    """Answers `DiagnosticsCollect`."""

    handles: ClassVar = (DiagnosticsCollect,)
    probes: ClassVar = staticmethod(all_probes)

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        probes: list[Probe] = self.probes()
        self._collector = Collector(probes)
        self._threads = Threads()
        self._running = False

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`."""
        assert isinstance(message, DiagnosticsCollect)
        if self._running:
            raise Refused("A snapshot is being taken already; wait for its end.", reason=RefusalReason.BUSY)
        self.context.audit("diagnostics collected", {"tables": ", ".join(message.tables)[:500] or "all"})
        self._running = True
        _ = self.context.spawn(self._collect(message), "snapshot")

    def _send(self, request: int, result: TableResult) -> None:
        if self.context.granted(Capability.DIAGNOSTICS):
            self.context.send(as_message(request, result))

    async def _collect(self, message: DiagnosticsCollect) -> None:
        try:
            started = time.monotonic()
            environment = make_environment(self.context, self._threads)
            results = await self._collector.collect(
                environment, message.tables, on_result=lambda result: self._send(message.request, result)
            )
            if not self.context.granted(Capability.DIAGNOSTICS):
                self.context.refuse(message, RefusalReason.NOT_GRANTED, "Diagnostics were taken back while they were collected.")
                return
            self.context.send(
                DiagnosticsDone(
                    request=message.request,
                    findings=evaluate(results, RULES),
                    duration_ms=round((time.monotonic() - started) * 1000, 1),
                    taken_at=time.time(),
                )
            )
        finally:
            self._running = False
