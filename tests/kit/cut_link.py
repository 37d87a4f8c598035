"""A cable that can be pulled: a TCP proxy from a port of 127.0.0.1 to another that resets everything and refuses for a while, or
holds everything once so much has gone through."""

import contextlib
import math
import socket
import struct
import threading
import time

READ_BYTES = 256 * 1024
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets (RST) and throws away what has not been sent."""


class CutLink:
    """Listens on `port` and forwards to `target`; `cut()` ends all connections without a goodbye, `hold_after()` holds them."""

    def __init__(self, port: int, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed_until = 0.0
        self.cuts = 0
        self.carried = 0
        """Bytes that went through, both ways together."""
        self._most = math.inf
        self._flows = threading.Condition()
        threading.Thread(target=self._accept, name="cut-link", daemon=True).start()

    def cut(self, seconds: float) -> None:
        """Reset every connection, and those that come within `seconds`."""
        self.cuts += 1
        self._closed_until = time.monotonic() + seconds
        with self._lock:
            for one in self._sockets:
                self._reset(one)

    def hold_after(self, more: int) -> None:
        """Carry so many bytes more, and then nothing until `let_go()`."""
        self._most = self.carried + more

    def let_go(self) -> None:
        """Carry on."""
        with self._flows:
            self._most = math.inf
            self._flows.notify_all()

    def stop(self) -> None:
        """Close everything."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.let_go()
        self.cut(0)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if time.monotonic() < self._closed_until:
                    self._reset(client)
                    client.close()
                    continue
                threading.Thread(target=self._connection, args=(client,), daemon=True).start()

    def _connection(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as server:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sockets |= {client, server}
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()
            with self._lock:
                self._sockets -= {client, server}

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        buffer = bytearray(READ_BYTES)
        view = memoryview(buffer)
        with contextlib.suppress(OSError):
            while size := source.recv_into(buffer):
                with self._flows:
                    self._flows.wait_for(lambda: self.carried < self._most)
                sink.sendall(view[:size])
                self.carried += size
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    @staticmethod
    def _reset(one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            one.shutdown(socket.SHUT_RDWR)
