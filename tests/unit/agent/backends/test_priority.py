"""What a library does to a thread's scheduling is undone, for the thread itself and for what it starts afterwards."""

import os
import subprocess
import sys

from agent.backends.priority import kept_priority


def test_a_thread_is_scheduled_as_before() -> None:
    policy = os.sched_getscheduler(0)
    other = os.SCHED_BATCH if policy != os.SCHED_BATCH else os.SCHED_OTHER  # any user may choose between these
    with kept_priority():
        os.sched_setscheduler(0, other, os.sched_param(0))
        assert os.sched_getscheduler(0) == other
    assert os.sched_getscheduler(0) == policy


ENCODES = """
import os, subprocess, sys
import numpy as np
from agent.backends.geometry import Rect
from agent.screen.av1 import Av1Stream
stream = Av1Stream(1, Rect(0, 0, 128, 128), bitrate=1_000_000)
for _ in range(3):
    stream.encode(np.zeros((130, 130, 4), np.uint8).view(np.uint32)[..., 0])
print(os.sched_getscheduler(0), flush=True)
subprocess.run([sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"], check=True)
"""


def test_who_opens_the_av1_encoder_starts_no_real_time_programs() -> None:
    """As root it would: SVT-AV1 changes the thread that opens it."""
    said = subprocess.run([sys.executable, "-c", ENCODES], capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(os.sched_getscheduler(0))] * 2
