"""`handrail shell` through a real relay: a person's terminal here, a real one there, and the network cut in between."""

import http.server
import json
import os
import secrets
import signal
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit.processes import Process, command, free_port
from tests.kit.terminal import Terminal
from tests.kit.waiting import eventually
from tests.kit.world import World, assisted_world

TERMINALS = {
    "HANDRAIL_AGENT_LINK_BACKOFF_FIRST": "0.2",
    "HANDRAIL_AGENT_LINK_BACKOFF_MOST": "1",
    "HANDRAIL_AGENT_TERMINAL_SHELL": "/bin/bash",
    "HANDRAIL_AGENT_TERMINAL_USER": "nobody" if os.geteuid() == 0 else "",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with assisted_world(
        tmp_path_factory.mktemp("world"), None, "--unattended", "terminal,forward,diagnostics", extra=TERMINALS
    ) as world:
        world.try_often()
        yield world


@contextmanager
def a_long_file() -> Iterator[Path]:
    """A text of more lines than a window has; the user of the terminals may read it, who may not enter our own directories."""
    with tempfile.TemporaryDirectory(prefix="handrail-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "services"
        path.write_text("".join(f"service-{number}\t{number}/tcp\n" for number in range(1, 301)))
        path.chmod(0o644)
        yield path


def shell(world: World, *arguments: str) -> list[str]:
    """The command line."""
    options = ("--passphrase-file", str(world.passphrase_file))
    return [command("handrail"), "--home", str(world.home), "shell", *options, "Reception PC", *arguments]


def piped(world: World, text: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """A command in a pipe."""
    environment = {**os.environ, **world.environment}
    return subprocess.run(shell(world, "--", text), input=data, capture_output=True, env=environment, timeout=180, check=False)


def test_in_a_pipe_bytes_are_bytes_and_the_exit_code_is_the_programs_own(world: World) -> None:
    data = os.urandom(300_000)
    ran = piped(world, "cat; echo said >&2; exit 42", data)
    assert (ran.returncode, ran.stdout) == (42, data), ran.stderr
    assert b"said" in ran.stderr
    many = piped(world, "seq 1 60000")
    assert many.stdout == b"".join(b"%d\n" % number for number in range(1, 60001))


def test_a_person_at_a_terminal_is_cut_off_and_comes_back(world: World) -> None:
    person = Terminal(shell(world), env=world.environment, columns=100, rows=30)
    try:
        person.expect("at the beginning of a line ends it")
        person.type("PS1='ready> '; stty size\n")
        person.expect("30 100|24 80")
        with a_long_file() as path:
            person.type(f"export LC_ALL=C.UTF-8; cd /; less {path}\n")
            person.expect(r"service-3\b")
            person.type("q")
            person.expect("ready> ")
        person.type("yes\n")
        person.expect("y\ny\ny\n")
        person.type("\x03")
        person.expect(r"\^C")
        person.type("printf '%s\\n' é🙂日本; echo pid:$$:\n")
        pid = person.expect(r"^é🙂日本\npid:(\d+):").group(1)

        person.type("for i in $(seq 1 60); do echo tick $i; sleep 0.1; done; echo ticked\n")
        person.expect("tick 7")
        world.processes["relay"].kill()
        person.expect("Reconnecting")
        world.start_relay()
        person.expect("ticked$")
        ticks = [line for line in person.text.splitlines() if line.strip().startswith("tick ") and line.strip()[5:].isdecimal()]
        assert [line.strip() for line in ticks] == [f"tick {number}" for number in range(1, 61)]
        person.type("echo again:$$:\n")
        assert person.expect(r"^again:(\d+):").group(1) == pid

        person.type("sleep 313 &\n")
        person.expect(r"\[1\]")
        person.type("\r~.")
        assert person.wait() == 130
        eventually(
            lambda: subprocess.run(["pgrep", "-f", "^sleep 313"], check=False, capture_output=True).returncode, "it is gone"
        )
    finally:
        person.stop()


def test_the_audit_says_how_long_and_as_whom(world: World) -> None:
    assert piped(world, "true").returncode == 0
    receipts = [json.loads(file.read_text()) for file in (world.agent_home / "receipts").glob("*.json")]
    records = max(receipts, key=lambda receipt: receipt["ended_at"])["records"]
    opened, ended = (
        next(one["detail"] for one in records if one["action"] == f"terminal {name}") for name in ("opened", "ended")
    )
    assert opened["user"] == ended["user"] == (TERMINALS["HANDRAIL_AGENT_TERMINAL_USER"] or opened["user"])
    assert opened["command"] == "true"
    assert ended["exit_status"] == 0
    assert ended["seconds"] < 60
    assert len(ended["transcript_sha256"]) == 64


class _Page(http.server.BaseHTTPRequestHandler):
    body = b"a page of the device" * 50_000

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        return


def test_a_service_of_the_device_is_reached_here_and_what_nobody_serves_is_named(world: World, tmp_path: Path) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = ("--passphrase-file", str(world.passphrase_file))
    nobody = free_port()
    argv = world.handrail_argv("forward", *options, "Reception PC", f"0:{server.server_port}", f"0:{nobody}", "0:h.example:9")
    forward = Process(argv, tmp_path / "forward.log", env=world.environment)
    try:
        forward.wait_for(r"does not let h\.example:9 be\s+reached")
        local = int(forward.wait_for(rf"127\.0\.0\.1:(\d+) leads to 127\.0\.0\.1:{server.server_port}").group(1))
        refused = int(forward.wait_for(rf"127\.0\.0\.1:(\d+) leads to 127\.0\.0\.1:{nobody}").group(1))
        with ThreadPoolExecutor(8) as many:
            pages = list(many.map(lambda _: urllib.request.urlopen(f"http://127.0.0.1:{local}/", timeout=180).read(), range(8)))
        assert pages == [_Page.body] * 8
        with pytest.raises(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{refused}/", timeout=180)
        forward.wait_for("Nothing listens on")
        forward.popen.send_signal(signal.SIGINT)
        forward.wait_for("8 connections")
    finally:
        forward.kill()
        server.shutdown()
        server.server_close()


def test_the_log_of_the_device_is_read(world: World) -> None:
    file = Path(f"/var/log/handrail-{secrets.token_hex(6)}.log")  # no other program writes to it
    file.write_text("Nov 22 02:00:00 desk sshd[5]: a connection was opened\nNov 22 02:00:00 desk backup[6]: the disk is full\n")
    try:
        sources = {source["name"]: source["why_not"] for source in world.technician("logs", "Reception PC", "--list")}
        assert sources[str(file)] == ""
        options = ("--passphrase-file", str(world.passphrase_file))
        last = world.handrail("logs", "Reception PC", "--source", str(file), "-n", "1", *options)
        assert "the disk is full" in last and "a connection" not in last
    finally:
        file.unlink()
