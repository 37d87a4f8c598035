"""A real service of the device, at a port of 127.0.0.1 alone: PostgreSQL where it is installed, else a web server."""

import http.server
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import Protocol

from tests.kit.processes import free_port
from tests.kit.waiting import PATIENCE, eventually

DATABASES = Path("/usr/lib/postgresql")
ROWS = 20_000


class Service(Protocol):
    """`answer` is what `ask` has to return when it reaches `port`, from wherever."""

    port: int
    answer: str

    def ask(self, port: int) -> str:
        """Ask it at this port of 127.0.0.1."""

    def stop(self) -> None:
        """End it."""


def a_service(directory: Path) -> Service:
    """What is installed, running."""
    servers = sorted(DATABASES.glob("*/bin/postgres"), reverse=True)
    return Database(directory, servers[0].parent) if servers else Pages()


class Database:
    """A PostgreSQL of its own."""

    answer = "\n".join(str(number) for number in range(1, ROWS + 1))

    def __init__(self, directory: Path, binaries: Path) -> None:
        self.port = free_port()
        self._binaries = binaries
        # It refuses to run as root.
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        self._data = data = Path(tempfile.mkdtemp(prefix="handrail-database-"))
        if other:
            os.chown(data, 65534, 65534)
        log = (directory / "log").open("wb")
        made = [*other, str(binaries / "initdb"), "-D", str(data), "-U", "ana", "-A", "trust", "--no-sync"]
        subprocess.run(made, check=True, stdout=log, stderr=log, cwd=data)
        argv = [*other, str(binaries / "postgres"), "-D", str(data), "-p", str(self.port), "-k", "", "-h", "127.0.0.1", "-F"]
        self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=data)
        log.close()
        eventually(lambda: self.ask(self.port) == self.answer, "the database answers", every=0.1)

    def ask(self, port: int) -> str:
        """See `Service`: so many rows."""
        argv = [str(self._binaries / "psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "ana", "-d", "postgres"]
        argv += ["-Atc", f"select generate_series(1, {ROWS})"]
        environment = {"PATH": os.environ["PATH"], "PGCONNECT_TIMEOUT": "60", "PGSSLMODE": "disable"}
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=2 * PATIENCE, check=False, env=environment)
        return ran.stdout.strip() or ran.stderr.strip()

    def stop(self) -> None:
        """See `Service`."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(PATIENCE)
        shutil.rmtree(self._data)


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(Pages.answer.encode())

    def log_message(self, *_: object) -> None:
        return


class Pages:
    """A web server with one page."""

    answer = "a page of the device " * ROWS

    def __init__(self) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def ask(self, port: int) -> str:
        """See `Service`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def stop(self) -> None:
        """See `Service`."""
        self._server.shutdown()
        self._server.server_close()
