"""Help for a computer that is not enrolled, by the product's own commands: a relay, an organisation, its technician at a command
line, and a person with a seed file at a real terminal."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.codes import parse_code
from tests.kit.guest_world import Guest, connect, documents, founded_world, mistyped
from tests.kit.processes import command, run
from tests.kit.world import World

PREFIX = "handrail-guest-"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = founded_world(tmp_path_factory.mktemp("guests"))
    try:
        yield world
    finally:
        world.stop()


def test_a_guest_is_helped_and_keeps_nothing(world: World) -> None:
    guest = Guest(world, "the printer is on fire")
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
    assert set(opened["granted"]) <= {"view", "chat", "diagnostics", "pointer", "control"}
    assert opened["seconds"] <= 3600
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


def test_a_wrong_guess_burns_the_code_on_both_sides(world: World) -> None:
    guest = Guest(world)
    code = guest.code()
    wrong = connect(world, mistyped(code), "connect-wrong")
    assert wrong.wait() == 7
    assert "ask for a new one" in wrong.output
    guest.terminal.expect(r"Nothing was opened")
    assert guest.terminal.wait() != 0
    assert guest.left_over() == []
    assert connect(world, code, "connect-late").wait() == 6
    spent = json.loads((world.home / "spent_codes.json").read_text())
    assert len(spent) >= 1
    assert code.replace(" ", "") not in json.dumps(spent)


def test_a_code_without_its_secret_half_leads_to_no_guest(world: World) -> None:
    guest = Guest(world)
    digits = guest.code().partition("-")[0]
    assert connect(world, digits, "connect-half").wait() == 7
    guest.terminal.expect(r"Nothing was opened")
    assert guest.terminal.wait() != 0


@pytest.mark.parametrize("ending", ["ctrl-c", "hang-up", "terminate"])
def test_however_it_ends_nothing_stays(world: World, ending: str) -> None:
    guest = Guest(world)
    _ = guest.code()
    assert any(name.startswith(PREFIX) for name in guest.left_over())
    if ending == "ctrl-c":
        guest.terminal.type("\x03")
    else:
        os.kill(guest.terminal.pid, {"hang-up": 1, "terminate": 15}[ending])
    assert guest.terminal.wait() != 0
    assert guest.left_over() == []


def test_there_are_no_guests_without_a_seed(world: World, tmp_path: Path) -> None:
    said = run([command("handrail-agent"), "guest"], check=False)
    assert said.returncode == 2
    assert "SEED" in said.stderr
    other = tmp_path / "other.seed"
    other.write_text(
        re.sub(
            r'"organisation_name":"[^"]*"', '"organisation_name":"Another Ltd"', (world.directory / "example.seed").read_text()
        )
    )
    for file, code in ((other, 7), (world.directory / "devices.handrail", 7), (tmp_path / "missing.seed", 2)):
        refused = run([command("handrail-agent"), "guest", str(file)], check=False)
        assert refused.returncode == code, refused.stderr
        assert "seed file" in refused.stderr
