"""A disk that is full, without being root: no file of this process may grow beyond so many bytes, which the kernel holds (what
comes is EFBIG instead of ENOSPC). Databases meet it in the middle of a transaction, other files in the middle of a write."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Files take `room` bytes at most, whatever they have now."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
