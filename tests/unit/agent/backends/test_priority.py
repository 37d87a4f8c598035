"""What a library does to a thread's scheduling is undone, for the thread itself and for those that it started."""

import os
import subprocess
import sys
import threading

from agent.backends.priority import kept_priority, threads


def test_a_thread_is_scheduled_as_before_and_so_are_those_that_began_meanwhile() -> None:
    policy, go_on = os.sched_getscheduler(0), threading.Event()
    other = os.SCHED_BATCH if policy != os.SCHED_BATCH else os.SCHED_OTHER  # any user may choose between these
    before = threads()
    with kept_priority():
        os.sched_setscheduler(0, other, os.sched_param(0))
        started = threading.Thread(target=go_on.wait)
        started.start()
        (new,) = threads() - before
        assert os.sched_getscheduler(0) == os.sched_getscheduler(new) == other
    try:
        assert os.sched_getscheduler(0) == os.sched_getscheduler(new) == policy
    finally:
        go_on.set()
        started.join()


ENCODES = """
import os
import numpy as np
from agent.backends.geometry import Rect
from agent.backends.priority import threads
from agent.screen.av1 import Av1Stream
stream = Av1Stream(1, Rect(0, 0, 128, 128), bitrate=1_000_000)
for _ in range(3):
    stream.encode(np.zeros((130, 130, 4), np.uint8).view(np.uint32)[..., 0])
print(sorted({os.sched_getscheduler(thread) for thread in (0, *threads())}))
"""


def test_the_av1_encoder_makes_no_thread_a_real_time_one() -> None:
    """As root it would: its own threads, the one that opens it, and whatever that one starts."""
    said = subprocess.run([sys.executable, "-c", ENCODES], capture_output=True, text=True, check=True).stdout
    assert said == f"[{os.sched_getscheduler(0)}]\n"
