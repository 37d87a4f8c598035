"""Lets a test say which start of the computer this is (HANDRAIL_BOOT: a file), in Python processes with this on PYTHONPATH."""

import os
from pathlib import Path

import agent.backends.boot

agent.backends.boot.boot_id.__defaults__ = (Path(os.environ["HANDRAIL_BOOT"]),)
