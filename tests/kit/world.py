"""A whole Handrail on this machine: relay, organisation of one, signer, agent and console, each by its own command.

Everything lives below one directory and is started as a person would start it; nothing here reaches into the product.
"""

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from tests.kit.foundations import BUNDLE, Foundation, Foundations
from tests.kit.processes import Process, command, free_port, run
from tests.kit.relay_tap import RelayTap
from tests.kit.terminal import Terminal
from tests.kit.waiting import eventually

# How long to wait for what works: a busy machine may be slow, and where nothing is wrong it costs nothing.
STARTED_SECONDS = 120.0
COMMAND_SECONDS = 180.0
ORGANISATION = "Example Ltd"


class World:
    """One installation. Stop it with `stop()`; it ends every process that it started.

    Args:
        directory: an empty directory of its own.
        tapped: stand in front of the relay with the relay's own key and record what it carries (`tap`).
        mark: a word in the environment of every process, to find what is left over.
        null_channel: run agent and technician over the kit's channel that encrypts nothing (a control for secrecy checks).
        tap_kind: what stands there instead, when it shall do more than record.
        without: a control to take away from every process (see tests/kit/controls.py), for the attack tests' second run.
    """

    foundations: ClassVar[Foundations | None] = None
    """What `established` copies from; None, outside of the tests: every world founds its own."""

    def __init__(
        self,
        directory: Path,
        *,
        tapped: bool = False,
        mark: str = "",
        organisation: str = ORGANISATION,
        null_channel: bool = False,
        without: str = "",
        tap_kind: type[RelayTap] = RelayTap,
    ) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self.home = directory / "technician"
        self.agent_home = directory / "agent"
        self.passphrase_file = directory / "passphrase"
        self.organisation = organisation
        self.mark = mark or f"handrail-world-{secrets.token_hex(6)}"
        self.port = free_port()
        self.relay_port = free_port() if tapped else self.port
        self.tap: RelayTap | None = None
        self.tapped = tapped
        self.tap_kind = tap_kind
        self.without = without
        self.foundation: Foundation | None = None
        self.processes: dict[str, Process] = {}
        self.terminals: list[Terminal] = []
        self.environment = {
            "HANDRAIL_WORLD": self.mark,
            "NO_COLOR": "1",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "HANDRAIL_AGENT_FILES_USER": "root",  # says nothing unless all of this runs as root
        }
        if null_channel:
            self.environment["PYTHONPATH"] = str(Path(__file__).parent / "null_channel")
        if without:
            self.environment["PYTHONPATH"] = str(Path(__file__).parent / "without_controls")
            self.environment["HANDRAIL_WITHOUT"] = without
        directory.mkdir(parents=True, exist_ok=True)
        self.passphrase_file.write_text(secrets.token_urlsafe(24) + "\n")
        self.passphrase_file.chmod(0o600)

    @property
    def url(self) -> str:
        """What peers dial."""
        return f"https://127.0.0.1:{self.port}"

    # -- parts, in the order in which a person starts them ----------------------------------------------------------

    def start_relay(self) -> dict[str, Any]:
        """`handrail-relay init` (once) and `serve`; returns what init printed."""
        relay = self.directory / "relay"
        if not relay.exists():
            argv = [command("handrail-relay"), "init", "--dir", str(relay), "--listen", f"127.0.0.1:{self.relay_port}"]
            made = run([*argv, "--public-url", self.url, "--json"], env=self.environment).stdout
            (self.directory / "relay.json").write_text(made)
        told: dict[str, Any] = json.loads((self.directory / "relay.json").read_text())
        config = relay / "relay.toml"
        self.spawn("relay", command("handrail-relay"), "serve", "--config", str(config))
        self.wait_for_http(self.relay_port)
        if self.tapped and self.tap is None:
            self.tap = self.tap_kind(self.port, self.relay_port, relay / "tls-certificate.pem", relay / "tls-key.pem").start()
        return told

    def quickstart(self, token: str, relay_spki: str) -> Path:
        """`handrail quickstart`; returns the agents' enrolment bundle."""
        bundle = self.directory / BUNDLE
        arguments = ["--relay", self.url, "--token", token, "--pin", relay_spki, "--name", self.organisation]
        arguments += ["--technician", "Ana Ruiz", "--out", str(bundle), "--passphrase-file", str(self.passphrase_file)]
        self.handrail("quickstart", *arguments)
        return bundle

    def established(self) -> Path:
        """A relay that runs and an organisation of one registered there; returns the bundle. In tests they are copies of what the
        commands made before (see `Foundations`), and this world's ports are from now on those that it was made with."""
        if self.foundations is None or self.without or self.organisation != ORGANISATION:
            told = self.start_relay()
            return self.quickstart(told["token"], told["relay_spki"])
        self.foundation = self.foundations.lend(self.tapped)
        self.port, self.relay_port = self.foundation.port, self.foundation.relay_port
        self.foundation.copy_to(self.directory)
        self.start_relay()
        return self.directory / BUNDLE

    @classmethod
    def found(cls, directory: Path, tapped: bool) -> tuple[int, int]:
        """Found one for `Foundations`: by the commands, all of which have ended when it returns."""
        world = cls(directory, tapped=tapped)
        try:
            told = world.start_relay()
            world.quickstart(told["token"], told["relay_spki"])
        finally:
            world.stop()
        return world.port, world.relay_port

    def start_signer(self) -> None:
        """`handrail signer`, until it says that it is ready."""
        process = self.spawn("signer", *self.handrail_argv("signer", "--passphrase-file", str(self.passphrase_file)))
        process.wait_for(r"(?i)logged in|ready|connected", seconds=STARTED_SECONDS)

    def enrol(self, bundle: Path, label: str = "Reception PC") -> None:
        """`handrail-agent enrol`."""
        run(self.agent_argv("enrol", str(bundle), "--label", label), env=self.environment, seconds=COMMAND_SECONDS)

    def start_agent(self, display: str | None, *, home: Path | None = None, extra: dict[str, str] | None = None) -> Process:
        """`handrail-agent run`, until the relay knows it. `display` None: a machine without one."""
        environment = {"DISPLAY": display or "", **({"HOME": str(home)} if home else {}), **(extra or {})}
        process = self.spawn("agent", *self.agent_argv("run"), env=environment, cwd=home)
        process.wait_for(r"(?i)logged in|connected|ready", seconds=STARTED_SECONDS)
        return process

    def start_console(self) -> str:
        """`handrail console`; returns the address to open in a browser."""
        argv = self.handrail_argv("console", "--no-open", "--port", "0", "--passphrase-file", str(self.passphrase_file))
        process = self.spawn("console", *argv)
        found = process.wait_for(r"((?:file|http)://\S+)", seconds=STARTED_SECONDS)
        return found.group(1)

    # -- commands ---------------------------------------------------------------------------------------------------

    def handrail_argv(self, *arguments: str) -> list[str]:
        """`handrail` with this world's home."""
        return [command("handrail"), "--home", str(self.home), *arguments]

    def agent_argv(self, *arguments: str) -> list[str]:
        """`handrail-agent` with this world's home."""
        return [command("handrail-agent"), "--home", str(self.agent_home), *arguments]

    def handrail(self, *arguments: str, check: bool = True, seconds: float = COMMAND_SECONDS) -> str:
        """Run a technician's command to its end; what it printed on standard output."""
        return run(self.handrail_argv(*arguments), env=self.environment, check=check, seconds=seconds).stdout

    def technician(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> Any:
        """A technician's command with `--json`, its answer decoded."""
        options = ("--json",)
        argv = [
            command("handrail"),
            "--home",
            str(self.home),
            *options,
            *arguments,
            "--passphrase-file",
            str(self.passphrase_file),
        ]
        return json.loads(run(argv, env=self.environment, seconds=seconds).stdout)

    def user(self, *arguments: str) -> Terminal:
        """The assisted person at a terminal, with `handrail-agent ARGUMENTS` running in it."""
        terminal = Terminal(self.agent_argv(*arguments), env=self.environment)
        self.terminals.append(terminal)
        return terminal

    # -- machinery --------------------------------------------------------------------------------------------------

    def spawn(self, name: str, *argv: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Process:
        """Start and remember a process; its output is in logs/NAME.log."""
        process = Process(argv, self.logs / f"{name}.log", env={**self.environment, **(env or {})}, cwd=cwd)
        self.processes[name] = process
        return process

    def wait_for_http(self, port: int) -> None:
        """Until the relay listens, or say why it does not."""
        process = self.processes["relay"]

        def listens() -> bool:
            assert process.popen.poll() is None, f"the relay ended:\n{process.output}"
            with contextlib.suppress(OSError):
                return any(re.search(rf":{port:04X} .* 0A ", line) for line in Path("/proc/net/tcp").read_text().splitlines())
            return False

        eventually(listens, "the relay listens", seconds=STARTED_SECONDS)

    def everything(self, display: str | None, *, home: Path | None = None) -> str:
        """Relay, organisation, signer, agent, console: returns the console's address."""
        self.assisted(display, home=home)
        return self.start_console()

    def founded(self, *policy: str) -> Path:
        """Relay, organisation and signer; returns the bundle. `policy`: options of `handrail org policy default`."""
        bundle = self.established()
        if policy:
            self.handrail("org", "policy", "default", *policy, "--passphrase-file", str(self.passphrase_file))
        self.start_signer()
        return bundle

    def assisted(
        self, display: str | None, *policy: str, home: Path | None = None, extra: dict[str, str] | None = None
    ) -> Process:
        """All of `founded`, and a computer whose agent runs: returns that."""
        self.enrol(self.founded(*policy))
        return self.start_agent(display, home=home, extra=extra)

    def try_often(self) -> None:
        """The technician's programs wait for less than a second between two attempts."""
        (self.home / "technician.toml").write_text("retry_first_seconds = 0.2\nretry_most_seconds = 1.0\n")

    def stop(self) -> None:
        """End everything, the last started first."""
        for terminal in self.terminals:
            terminal.stop()
        for process in reversed(list(self.processes.values())):
            process.stop()
        if self.tap is not None:
            self.tap.stop()
        if self.foundation is not None:
            self.foundation.lent = False

    def output(self) -> str:
        """The tail of every log, for a failure's message."""
        parts = [f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in sorted(self.logs.glob("*.log"))]
        return os.linesep.join(parts)


@contextlib.contextmanager
def assisted_world(directory: Path, display: str | None, *policy: str, extra: dict[str, str] | None = None) -> Iterator[World]:
    """A world of its own processes, all of which end with it: see `World.assisted`."""
    world = World(directory)
    try:
        world.assisted(display, *policy, extra=extra)
        yield world
    finally:
        world.stop()
