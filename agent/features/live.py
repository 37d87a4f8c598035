"""What the machine does at this moment, as long as a technician looks: samples by the second, programs, services.

One watch for each session: a new `LiveStart` replaces the one before. While the connection is behind or the session is paused
nothing is sent, and nothing waits to be sent later: the next sample says how many were left out.
"""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from agent.diagnostics.live import Counters, busiest, read_counters, read_services, sample
from agent.diagnostics.probe import Environment, ProbeError, Threads, Unsupported
from agent.diagnostics.probes.processes import Reading, family, read_processes
from agent.features.base import Feature, FeatureContext
from protocol.capabilities import Capability
from protocol.errors import RefusalReason
from protocol.messages import Lane, Message
from protocol.messages.live import LiveServices, LiveStart, LiveStop

T = TypeVar("T")
PROCESSES_SECONDS = 2.0
SERVICES_SECONDS = 5.0
HANGING_SECONDS = 0.2
TOLD_SECONDS = 5.0
MOST_WAITING = 32 * 1024  # bytes of the same lane that have not left: above that, a sample would be old when it arrives


class LiveFeature(Feature):
    """Answers `LiveStart` until `LiveStop`, loss of the capability, or the end."""

    handles: ClassVar = (LiveStart, LiveStop)

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        self._threads = Threads()
        self._environment = Environment(wall=time.time, home=Path.home(), threads=self._threads)
        self._watches: list[asyncio.Task[None]] = []
        self._told = False
        self.skipped = 0  # samples left out since the last that was sent

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`."""
        match message:
            case LiveStart():
                if not self._told:  # one record tells that they looked; searching in the list is not worth a hundred
                    self.context.audit("live readings watched", {"processes": message.processes, "services": message.services})
                    self._told = True
                await self._stop()
                self._watches.append(self.context.spawn(self._samples(message), "live samples"))
                if message.processes:
                    self._watches.append(self.context.spawn(self._processes(message), "live processes"))
                if message.services:
                    self._watches.append(self.context.spawn(self._services(message), "live services"))
            case _:
                await self._stop()

    def capability_lost(self, capability: Capability) -> None:
        """See `Feature.capability_lost`."""
        if capability is Capability.DIAGNOSTICS:
            for watch in self._watches:
                watch.cancel()

    async def close(self) -> None:
        """See `Feature.close`."""
        await self._stop()

    async def _stop(self) -> None:
        watches, self._watches = self._watches, []
        for watch in watches:
            watch.cancel()
        if watches:
            await asyncio.wait(watches)

    async def _may_look(self, again: float) -> int:
        """Wait until they may, looking `again` after so many seconds; how often that was. What nobody may be told is not read."""
        waited = 0
        while not self.context.granted(Capability.DIAGNOSTICS):
            await asyncio.sleep(again)
            waited += 1
        return waited

    def _may_send(self) -> bool:
        return self.context.granted(Capability.DIAGNOSTICS) and self.context.pending(Lane.CONTROL) < MOST_WAITING

    async def _read(self, wanted: LiveStart, key: str, function: Callable[[], T]) -> T:
        """Read in a thread. A reading that hangs in the kernel, also one that an earlier watch left behind there, is waited for,
        and they are told that it hangs."""
        text = f"This computer does not answer how it is doing ({key}): the question hangs in its system. It is waited for."
        telling = asyncio.get_running_loop().call_later(
            TOLD_SECONDS, self.context.refuse, wanted, RefusalReason.UNSUPPORTED, text
        )
        try:
            while True:
                try:
                    return await self._environment.thread(key, function)
                except ProbeError:  # only that an earlier question hangs: what the readings raise is not of this kind
                    await asyncio.sleep(HANGING_SECONDS)
        finally:
            telling.cancel()

    async def _samples(self, wanted: LiveStart) -> None:
        before: Counters | None = None
        while True:
            self.skipped += await self._may_look(wanted.interval)
            now = await self._read(wanted, "live counters", lambda: read_counters(time.monotonic()))
            if before is not None and self._may_send():
                self.context.send(sample(before, now, request=wanted.request, taken_at=time.time(), skipped=self.skipped))
                self.skipped = 0
            elif before is not None:
                self.skipped += 1
            before = now
            await asyncio.sleep(wanted.interval)

    async def _processes(self, wanted: LiveStart) -> None:
        before: dict[int, Reading] = {}
        taken = time.monotonic()
        pause = 0.3  # the first list comes soon; shares need two readings
        while True:
            _ = await self._may_look(pause)
            readings = await self._read(wanted, "live processes", read_processes)
            now = time.monotonic()
            if before and self._may_send():
                own = family(readings, os.getpid())
                self.context.send(
                    busiest(readings, before, now - taken, own, request=wanted.request, order=wanted.order, text=wanted.text)
                )
            before, taken = readings, now
            await asyncio.sleep(pause)
            pause = max(PROCESSES_SECONDS, wanted.interval)

    async def _services(self, wanted: LiveStart) -> None:
        last: LiveServices | None = None
        while True:
            _ = await self._may_look(wanted.interval)
            services = await self._look_at_services(wanted)
            if services != last and self._may_send():
                self.context.send(services)
                last = services
            await asyncio.sleep(max(SERVICES_SECONDS, wanted.interval))

    async def _look_at_services(self, wanted: LiveStart) -> LiveServices:
        try:
            return await read_services(self._environment, request=wanted.request, text=wanted.text)
        except Unsupported as error:
            return LiveServices(wanted.request, "unsupported", 0, [], str(error)[:4000])
        except ProbeError as error:
            return LiveServices(wanted.request, "failed", 0, [], str(error)[:4000])
