"""A thread keeps the priority that it had, whatever a library does to it.

SVT-AV1, run by root, makes the thread that opens an encoder a real-time one of the highest priority (SCHED_FIFO 99), and with it
every thread and every program that this thread starts from then on: terminals, fixes, whole desktops. One of them that waits for
a processor by turning in a circle, as the kernel itself does here and there, then stands a machine of two processors still.

The encoder's own threads are left as it made them: without that they have been seen to wait for each other for ever.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_priority() -> Iterator[None]:
    """What is done inside leaves this thread's scheduling as it was."""
    if not hasattr(os, "sched_setscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
