"""Memory that was freed goes back to the system.

The C library's allocator keeps what is freed below something that still lives, for each arena of it, of which glibc makes eight a
core: after some minutes of pictures of all sizes, unpacked by one thread and another, that is tens of megabytes. glibc gives it
back when asked (malloc_trim(3), a few milliseconds) and makes no more arenas than it is told (mallopt(3)). Other allocators are
left as they are.
"""

import ctypes
from typing import Any

M_ARENA_MAX = -8
ARENAS = 2


def share_arenas() -> bool:
    """From now on let all threads share a few arenas. Whether that can be said here."""
    option = _function("mallopt", ctypes.c_int, ctypes.c_int)
    return option is not None and bool(option(M_ARENA_MAX, ARENAS))


def give_back() -> bool:
    """Ask for it. Whether anything went back; False also where the allocator cannot be asked."""
    trim = _function("malloc_trim", ctypes.c_size_t)
    return trim is not None and bool(trim(0))


def _function(name: str, *arguments: Any) -> Any:
    try:
        found = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):  # no glibc; Windows has no library without a name (TypeError)
        return None
    found.argtypes, found.restype = arguments, ctypes.c_int
    return found
