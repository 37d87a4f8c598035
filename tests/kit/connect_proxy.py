"""A small HTTP proxy that carries tunnels (CONNECT, RFC 9110 9.3.6), as companies have them before the world.

Wherever a tunnel is asked to, it leads to one port of this computer: so the name of a far relay can be used.
"""

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PATIENCE = 30.0
_REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"


@dataclass
class ConnectProxy:
    """Where it listens, whom it lets through ("user:password", "": everybody) and the heads of what it was asked."""

    target: int
    credentials: str = ""
    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    carried: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        who = f"{self.credentials}@" if self.credentials else ""
        return f"http://{who}127.0.0.1:{self.port}"

    def serve(self, near: socket.socket) -> None:
        """One connection, to its end."""
        with near, suppress(OSError):
            near.settimeout(PATIENCE)
            head = b""
            while b"\r\n\r\n" not in head:
                data = near.recv(4096)
                if not data:
                    return
                head += data
            self.asked.append(head)
            told = base64.b64encode(self.credentials.encode())
            if self.credentials and b"Proxy-Authorization: Basic " + told not in head:
                near.sendall(_REFUSED)
                return
            with socket.create_connection(("127.0.0.1", self.target), timeout=PATIENCE) as far:
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=self._carry, args=(far, near))
                back.start()
                self._carry(near, far)
                back.join()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.carried.append(data)
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def connect_proxy(target: int, credentials: str = "") -> Iterator[ConnectProxy]:
    """One that runs; every connection has ended at the end."""
    proxy = ConnectProxy(target, credentials)
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.port = listener.getsockname()[1]

        def accept() -> None:
            while True:
                near, _ = listener.accept()
                if stopping.is_set():
                    near.close()
                    return
                threads.append(threading.Thread(target=proxy.serve, args=(near,)))
                threads[-1].start()

        stopping = threading.Event()
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield proxy
        finally:
            stopping.set()
            socket.create_connection(("127.0.0.1", proxy.port)).close()
            accepting.join()
            for thread in threads:
                thread.join()
