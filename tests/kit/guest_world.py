"""Guests of a whole installation: a person with a seed file at a terminal, and the technician who types their code."""

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.kit.processes import Process, command
from tests.kit.terminal import Terminal
from tests.kit.world import World

WHOLE = r"Your code: ([0-9 ]{11}-[A-Z2-7]{4} [A-Z2-7]{4})"


def founded_world(directory: Path, **named: Any) -> World:
    """Relay, organisation, signer, and `example.seed` beside them."""
    world = World(directory, **named)
    try:
        world.founded()
        world.handrail("org", "seed", "--out", str(directory / "example.seed"))
        # The name of a socket below it must fit into 107 bytes, which a test's own directory does not leave room for.
        (directory / "tmp").symlink_to(tempfile.mkdtemp(prefix="guest-"))
    except BaseException:  # whatever it was: its processes must not outlive it; raised again
        world.stop()
        raise
    return world


class Guest:
    """A person at a terminal of a computer that is not enrolled. Its temporary files go where a test can look."""

    def __init__(self, world: World, *words: str, display: str = "") -> None:
        self.temporary = (world.directory / "tmp").resolve()
        env = {**world.environment, "TMPDIR": str(self.temporary), "DISPLAY": display, "HOME": str(world.directory / "nobody")}
        argv = [command("handrail-agent"), "guest", str(world.directory / "example.seed"), *words]
        self.terminal = Terminal(argv, env=env)
        world.terminals.append(self.terminal)

    def code(self) -> str:
        """The code on the screen, as it is read out."""
        return self.terminal.expect(WHOLE).group(1)

    def left_over(self) -> list[str]:
        """What is still in the directory for temporary files."""
        return [path.name for path in self.temporary.iterdir()]


def connect(world: World, code: str, name: str, *options: str) -> Process:
    """The technician types the code."""
    argv = [command("handrail"), "--home", str(world.home), "--json", "connect", *code.split(" "), "--no-browser"]
    arguments = ["--passphrase-file", str(world.passphrase_file), "--reason", "you asked for help"]
    return world.spawn(name, *argv, *arguments, *options)


def documents(process: Process) -> list[dict[str, Any]]:
    """What it has printed as JSON."""
    return [json.loads(line) for line in process.output.splitlines() if line.startswith("{")]


def mistyped(code: str) -> str:
    """The same code with another last character."""
    return code[:-1] + ("A" if code[-1] != "A" else "B")
