"""Threads keep the priority that they had, whatever a library does to it.

SVT-AV1, run by root, makes the thread that opens an encoder a real-time one of the highest priority (SCHED_FIFO 99), and with it
every thread and every program that is started from then on: terminals, fixes, whole desktops. One of them that waits for a
processor by turning in a circle, as the kernel itself does here and there, then stands a machine of two processors still.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_THREADS = Path("/proc/self/task")


def threads() -> set[int]:
    """The kernel's numbers of this process's threads; empty where the system does not tell."""
    try:
        return {int(entry.name) for entry in _THREADS.iterdir()}
    except OSError:
        return set()


@contextmanager
def kept_priority() -> Iterator[None]:
    """What is done inside leaves this thread's scheduling as it was, and gives the threads that it starts the same."""
    if not hasattr(os, "sched_setscheduler"):
        yield
        return
    policy, parameters, before = os.sched_getscheduler(0), os.sched_getparam(0), threads()
    try:
        yield
    finally:
        for thread in (0, *(threads() - before)):
            with suppress(OSError):  # a thread that has ended already has no priority
                os.sched_setscheduler(thread, policy, parameters)
