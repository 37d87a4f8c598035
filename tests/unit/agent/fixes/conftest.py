"""A file system that is really full."""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system without a free block: a small tmpfs of our own, filled to the last page."""
    mounted = tmp_path / "full"
    mounted.mkdir()
    library = ctypes.CDLL(None, use_errno=True)
    if library.mount(b"tmpfs", os.fsencode(mounted), b"tmpfs", 0, b"size=64k,mode=0700") != 0:
        raise OSError(ctypes.get_errno(), "a small file system cannot be mounted; run the tests as root")
    try:
        with (mounted / "filler").open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    continue
            except OSError:
                pass
        yield mounted
    finally:
        library.umount2(os.fsencode(mounted), 2)
