"""A System V shared memory segment that the X server writes pictures into and this process reads without a copy."""

import ctypes
import os
from typing import Any

import numpy as np
import xcffib

from agent.backends.base import Pixels
from agent.backends.x11.connection import X11Connection, lost_display
from protocol.errors import Unavailable

IPC_PRIVATE, IPC_CREAT, IPC_RMID = 0, 0o1000, 0
PRIVATE_MODE = 0o600


class SharedPixels:
    """`pixels` is a flat array of 32-bit pixels; `identifier` names the segment in requests."""

    def __init__(self, connection: X11Connection, extension: Any, count: int) -> None:
        """Make a segment of `count` pixels and attach it to both sides.

        Raises:
            Unavailable: this kernel or this X server (remote, or in another IPC namespace) cannot share memory.
            DisplayLost: the connection broke.
        """
        self._extension = extension
        self._connection = connection
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.shmat.restype = ctypes.c_void_p
        self._libc.shmat.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
        self._libc.shmdt.argtypes = (ctypes.c_void_p,)
        self._libc.shmget.argtypes = (ctypes.c_int, ctypes.c_size_t, ctypes.c_int)
        key = self._libc.shmget(IPC_PRIVATE, count * 4, IPC_CREAT | PRIVATE_MODE)
        if key < 0:
            raise Unavailable(f"No shared memory of {count * 4} bytes: {os.strerror(ctypes.get_errno())}.")
        self._address = self._libc.shmat(key, None, 0)
        try:
            if self._address in (None, ctypes.c_void_p(-1).value):
                raise Unavailable(f"Shared memory cannot be mapped: {os.strerror(ctypes.get_errno())}.")
            with lost_display():
                self.identifier: int = connection.raw.generate_id()
                extension.AttachChecked(self.identifier, key, False).check()
        except xcffib.Error as error:
            self._libc.shmdt(self._address)
            raise Unavailable("The X server cannot attach shared memory of this process.") from error
        finally:
            self._libc.shmctl(key, IPC_RMID, None)  # it lives until both sides let go, also after a crash
        buffer = (ctypes.c_uint32 * count).from_address(self._address)
        self.pixels: Pixels = np.ctypeslib.as_array(buffer)
        self.count = count

    def close(self) -> None:
        """Detach. No view of `pixels` may be used afterwards."""
        if self._address is None:
            return
        try:
            self._extension.Detach(self.identifier)
            self._connection.raw.flush()
        except xcffib.ConnectionException:
            pass  # the server is gone and has let go already
        self.pixels = np.zeros(0, np.uint32)
        self._libc.shmdt(self._address)
        self._address = None
