"""The relay's HTTP side in a thread, over plain HTTP here: enrolments go straight to a real issuer, files into memory.

It carries what a hostile or unlucky relay can do: swap documents, change answers, lose them, lie about the time.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from protocol.certificates import organisation_id


@dataclass
class HttpRelay:
    """What it does and what it saw. `answer` is given each request document; None: it stays waiting."""

    answer: Callable[[bytes], bytes | None] = lambda _: None
    token: str = "token"
    origin: str = ""
    spki: str = ""
    date: datetime | None = None
    statuses: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    documents: list[bytes] = field(default_factory=list)
    organisation: str = ""

    @property
    def url(self) -> str:
        return self.origin

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.requests.append((method, path, headers))
        if path in self.statuses:
            return self.statuses[path], self.bodies.get(path, b'{"title":"Not now","detail":"Come back later."}')
        if path in self.bodies:
            return 200, self.bodies[path]
        match method, path.split("/")[1:]:
            case "GET", ["version" | "healthz"]:
                return 200, b"{}"
            case "POST", ["api", "v1", "organisations"]:
                return self._register(json.loads(body))
            case "POST", ["api", "v1", "enrolments"]:
                self.documents.append(base64.b64decode(json.loads(body)["request"]))
                return 202, json.dumps({"enrolment": str(len(self.documents) - 1), "poll_token": "poll"}).encode()
            case "GET", ["api", "v1", "enrolments", number]:
                if headers.get("Authorization") != "Bearer poll":
                    return 404, b"{}"
                answer = self.answer(self.documents[int(number)])
                if answer is None:
                    return 200, b'{"status":"waiting"}'
                return 200, json.dumps({"status": "answered", "answer": base64.b64encode(answer).decode()}).encode()
            case "GET", ["tuf", _, *rest]:
                data = self.files.get("/".join(rest))
                return (404, b"{}") if data is None else (200, data)
            case "PUT", ["tuf", _, *rest]:
                if headers.get("Authorization") != "Bearer upload":
                    return 401, b"{}"
                self.files["/".join(rest)] = body
                self.uploads.append("/".join(rest))
                return 204, b""
            case _:
                return 404, b'{"title":"Not found","detail":"There is nothing here."}'

    def _register(self, document: dict[str, Any]) -> tuple[int, bytes]:
        if document["token"] != self.token:
            return 401, b'{"title":"untrusted","detail":"This token is wrong."}'
        organisation = self.organisation or organisation_id(base64.b64decode(document["root"]))
        return 201, json.dumps({"organisation": organisation, "relay_spki": self.spki, "origin": self.origin}).encode()


@contextmanager
def http_relay() -> Iterator[HttpRelay]:
    """A relay's HTTP side on a free port."""
    relay = HttpRelay()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, body = relay.handle(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
            self.send_response_only(status)
            self.send_header("Date", format_datetime(relay.date or datetime.now(UTC), usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the names are the library's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    relay.origin = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
