"""A whole Handrail whose device has a home of its own, for moving files: its person at a terminal, and `handrail files`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.processes import Process
from tests.kit.terminal import Terminal
from tests.kit.world import World

ATTEMPTS = {"HANDRAIL_AGENT_LINK_BACKOFF_FIRST": "0.2", "HANDRAIL_AGENT_LINK_BACKOFF_MOST": "1"}
ANSWERED_SECONDS = 120.0


class SharedHome:
    """The assisted machine's home in `path`, and the commands that were started."""

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self.path = path
        self.commands: list[Process] = []

    def person(self) -> Terminal:
        """Somebody who will be asked."""
        person = self.world.user("attend")
        person.expect("Waiting for technicians", seconds=ANSWERED_SECONDS)
        return person

    def files(self, person: Terminal, log: Path, *arguments: str) -> Process:
        """Start `handrail files ARGUMENTS` and say yes to it."""
        argv = [*self.world.handrail_argv("files", *arguments), "--json", "--passphrase-file", str(self.world.passphrase_file)]
        command = Process(argv, log, env=self.world.environment)
        self.commands.append(command)
        person.expect(r"Your answer \[y/N\]", seconds=ANSWERED_SECONDS)
        person.type("y\n")
        person.expect(r"May they .*\[y/N\]", seconds=ANSWERED_SECONDS)
        person.type("y\n")
        return command


@contextmanager
def shared_home(world: World, path: Path) -> Iterator[SharedHome]:
    """Start `world` (relay, organisation, signer, agent) with the device's home in `path`; end everything afterwards."""
    home = SharedHome(world, path)
    try:
        told = world.start_relay()
        bundle = world.quickstart(told["token"], told["relay_spki"])
        world.start_signer()
        world.enrol(bundle)
        world.start_agent(None, home=path, extra=ATTEMPTS)
        (world.home / "technician.toml").write_text("retry_first_seconds = 0.2\nretry_most_seconds = 1.0\n")
        yield home
    finally:
        for command in home.commands:
            command.kill()
        world.stop()
