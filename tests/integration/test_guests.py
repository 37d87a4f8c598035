"""Help for a computer that is not enrolled, by the product's own commands: a relay, an organisation, its technician at a command
line, and a person with a seed file at a real terminal."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.codes import parse_code
from tests.kit.processes import Process, command, run
from tests.kit.terminal import Terminal
from tests.kit.world import World

pytestmark = pytest.mark.xdist_group("world-test_guests")
PREFIX = "handrail-guest-"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("guests"))
    try:
        told = world.start_relay()
        world.quickstart(told["token"], told["relay_spki"])
        world.start_signer()
        world.handrail("org", "seed", "--out", str(world.directory / "example.seed"))
        (world.directory / "tmp").mkdir()
        yield world
    finally:
        world.stop()


@pytest.fixture
def seed(world: World) -> Path:
    return world.directory / "example.seed"


class Guest:
    """A person at a terminal of a computer that is not enrolled. Its temporary files go where the test can look."""

    def __init__(self, world: World, seed: Path, *words: str) -> None:
        self.temporary = world.directory / "tmp"
        env = {**world.environment, "TMPDIR": str(self.temporary), "DISPLAY": "", "HOME": str(world.directory / "nobody")}
        self.terminal = Terminal([command("handrail-agent"), "guest", str(seed), *words], env=env)
        world.terminals.append(self.terminal)

    def code(self) -> str:
        return self.terminal.expect(r"Your code: ([0-9 ]{11}-[A-Z2-7]{4} [A-Z2-7]{4})").group(1)

    def left_over(self) -> list[str]:
        """What is still in the directory for temporary files."""
        return [path.name for path in self.temporary.iterdir()]


def connect(world: World, code: str, name: str) -> Process:
    """The technician types the code."""
    argv = [command("handrail"), "--home", str(world.home), "--json", "connect", *code.split(" "), "--no-browser"]
    arguments = ["--passphrase-file", str(world.passphrase_file), "--reason", "you asked for help"]
    return world.spawn(name, *argv, *arguments)


def documents(process: Process) -> list[dict[str, object]]:
    return [json.loads(line) for line in process.output.splitlines() if line.startswith("{")]


def test_a_guest_is_helped_and_keeps_nothing(world: World, seed: Path) -> None:
    guest = Guest(world, seed, "the printer is on fire")
    guest.terminal.expect(r"Technicians of Example Ltd can help here, and nobody else")
    code = guest.code()
    technician = connect(world, code, "connect-guest")
    guest.terminal.expect(r"=== Ana Ruiz of Example Ltd \(technician, tier 3\) ===")
    asked = guest.terminal.expect(r"(?s)asks to connect.*Your answer \[.*\] ").group(0)
    assert "use your mouse and keyboard" in asked
    assert "fixes" not in asked
    assert "Compare this number" not in asked
    guest.terminal.type("c\n")
    guest.terminal.expect(r"CONNECTED: Ana Ruiz of Example Ltd can ")
    technician.wait_for(r'"event":"open"')
    (opened,) = [document for document in documents(technician) if document.get("event") == "open"]
    assert set(opened["granted"]) <= {"view", "chat", "diagnostics", "pointer", "control"}  # type: ignore[call-overload]
    assert opened["seconds"] <= 3600  # type: ignore[operator]
    assert opened["group"] == "guest"
    assert guest.left_over() != []
    guest.terminal.type("\x03")
    guest.terminal.expect(r"The session of Ana Ruiz is over")
    guest.terminal.expect(r"Your receipt; copy it if you want it")
    guest.terminal.expect(r"(?i)Ana Ruiz")
    assert guest.terminal.wait() == 0
    assert technician.wait() == 0
    assert guest.left_over() == []
    assert not (world.directory / "nobody").exists()
    relay = (world.directory / "relay" / "relay.sqlite").read_bytes() + (world.logs / "relay.log").read_bytes()
    secret = parse_code(code)
    assert secret is not None
    assert secret.secret.encode() not in relay
    assert b"printer" not in relay


def test_a_wrong_guess_burns_the_code_on_both_sides(world: World, seed: Path) -> None:
    guest = Guest(world, seed)
    code = guest.code()
    last = "A" if code[-1] != "A" else "B"
    wrong = connect(world, code[:-1] + last, "connect-wrong")
    assert wrong.wait(seconds=40) == 7
    assert "ask for a new one" in wrong.output
    guest.terminal.expect(r"Nothing was opened")
    assert guest.terminal.wait() != 0
    assert guest.left_over() == []
    assert connect(world, code, "connect-late").wait(seconds=40) == 6
    spent = json.loads((world.home / "spent_codes.json").read_text())
    assert len(spent) >= 1
    assert code.replace(" ", "") not in json.dumps(spent)


def test_a_code_without_its_secret_half_leads_to_no_guest(world: World, seed: Path) -> None:
    guest = Guest(world, seed)
    digits = guest.code().partition("-")[0]
    assert connect(world, digits, "connect-half").wait(seconds=40) == 7
    guest.terminal.expect(r"Nothing was opened")
    assert guest.terminal.wait() != 0


@pytest.mark.parametrize("ending", ["ctrl-c", "hang-up", "terminate"])
def test_however_it_ends_nothing_stays(world: World, seed: Path, ending: str) -> None:
    guest = Guest(world, seed)
    _ = guest.code()
    assert any(name.startswith(PREFIX) for name in guest.left_over())
    if ending == "ctrl-c":
        guest.terminal.type("\x03")
    else:
        os.kill(guest.terminal.pid, {"hang-up": 1, "terminate": 15}[ending])
    assert guest.terminal.wait() != 0
    assert guest.left_over() == []


def test_there_are_no_guests_without_a_seed(world: World, seed: Path, tmp_path: Path) -> None:
    said = run([command("handrail-agent"), "guest"], check=False)
    assert said.returncode == 2
    assert "SEED" in said.stderr
    other = tmp_path / "other.seed"
    other.write_text(re.sub(r'"organisation_name":"[^"]*"', '"organisation_name":"Another Ltd"', seed.read_text()))
    for file in (other, world.directory / "devices.handrail", tmp_path / "missing.seed"):
        refused = run([command("handrail-agent"), "guest", str(file)], check=False)
        assert refused.returncode == 7, refused.stderr
        assert "seed file" in refused.stderr
