"""The technician's commands against a real relay, signer and agent, with a person at the assisted computer's terminal."""

import io
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.kit.display import VirtualDisplay, virtual_display
from tests.kit.processes import Process
from tests.kit.terminal import Terminal
from tests.kit.world import World, assisted_world

pytestmark = pytest.mark.display
WIDTH, HEIGHT = 641, 363  # odd on purpose


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display(WIDTH, HEIGHT) as display:
        display.run("xsetroot", "-solid", "#204060")
        yield display


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, display: VirtualDisplay) -> Iterator[World]:
    with assisted_world(tmp_path_factory.mktemp("world"), display.name) as world:
        yield world


class Desk:
    """The technician's terminal and the person's, side by side."""

    def __init__(self, world: World, directory: Path, person: Terminal) -> None:
        self.world, self.directory, self.person = world, directory, person
        self._count = 0

    def start(self, *words: str) -> Process:
        """Start a technician's command."""
        self._count += 1
        argv = self.world.handrail_argv(*words, "--passphrase-file", str(self.world.passphrase_file))
        return Process(argv, self.directory / f"{self._count}.log", env=self.world.environment)

    def answer(self, *steps: tuple[str, str]) -> None:
        """Wait for each question and press keys."""
        for question, keys in steps:
            self.person.expect(question)
            self.person.type(keys + "\n")

    def finish(self, command: Process) -> int:
        """The exit code of a command that ends by itself."""
        try:
            return command.wait()
        finally:
            command.kill()


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Iterator[Desk]:
    person = world.user("attend")
    person.expect("Waiting for technicians")
    yield Desk(world, tmp_path, person)
    person.stop()


def document(command: Process) -> Any:
    """The one JSON document among what a command printed."""
    (line,) = [line for line in command.output.splitlines() if line.startswith("{")]
    return json.loads(line)


def test_devices_and_whoami(world: World) -> None:
    (row,) = world.technician("devices")["devices"]
    assert (row["label"], row["online"]) == ("Reception PC", True)
    assert json.loads(world.handrail("whoami", "--json"))["name"] == "Ana Ruiz"


def test_a_code_leads_to_a_session_and_both_see_the_same_digits(world: World, tmp_path: Path) -> None:
    asking = world.user("ask")
    desk = Desk(world, tmp_path, asking)
    code = asking.expect(r"\b(\d{3} \d{3} \d{3})\b").group(1)
    command = desk.start("connect", code, "--no-browser", "--reason", "The printer", "--json")
    theirs = asking.expect(r"Compare this number with theirs: (\d{3} \d{3})").group(1)
    assert "The printer" in asking.text
    desk.answer(("Your answer", "c"))
    command.wait_for('"event":"open"')
    opened = document(command)
    assert opened["sas"] == theirs.replace(" ", "")
    assert opened["by_code"] is True
    assert {"view", "control"} <= set(opened["granted"])
    assert f"Compare: {theirs} must stand" in command.output
    asking.expect("CONNECTED")
    command.popen.send_signal(signal.SIGINT)
    assert desk.finish(command) == 130
    asking.expect("is over")
    asking.stop()
    again = desk.start("connect", code, "--no-browser")
    assert desk.finish(again) == 6  # a code is good once


def test_a_picture_equals_the_display_bit_for_bit(desk: Desk, display: VirtualDisplay) -> None:
    file = desk.directory / "screen.png"
    command = desk.start("connect", "Reception PC", "--screenshot", str(file), "--json")
    desk.answer(("Your answer", "w"))
    assert desk.finish(command) == 0, command.output
    image = Image.open(io.BytesIO(file.read_bytes()))
    assert image.size == (WIDTH, HEIGHT)
    assert {colour for _, colour in image.getcolors(10) or []} == {(0x20, 0x40, 0x60)}
    assert document(command)["width"] == WIDTH
    (receipt,) = [path for path in (desk.world.home / "receipts").iterdir() if "screenshot taken" in path.read_text()]
    assert json.loads(receipt.read_text())["hash"]  # the signed checkpoint verified


def test_a_no_is_5_and_the_default(desk: Desk) -> None:
    command = desk.start("connect", "Reception PC", "--no-browser", "--json")
    desk.answer(("Your answer", ""))
    assert desk.finish(command) == 5
    assert document(command)["error"]["reason"] == "denied_by_user"


def test_tables_findings_and_a_fix_that_is_refused(desk: Desk) -> None:
    allow = (r"Your answer \[y/N\]", "y"), (r"is in\? \[y/N\]", "y")
    command = desk.start("diagnose", "recep", "--json")
    desk.answer(*allow)
    assert desk.finish(command) == 0, command.output
    snapshot = document(command)
    tables = {table["name"]: table for table in snapshot["tables"]}
    assert len(tables) >= 14
    # On a busy machine one that is out of its time says so.
    assert tables["system_info"]["status"] == "ok" or " within " in tables["system_info"]["reason"]
    assert "ok" in {table["status"] for table in tables.values()}
    command = desk.start("diagnose", "--group", "default", "--table", "uptime", "--json")
    desk.answer(*allow)
    assert desk.finish(command) == 0, command.output
    assert '"succeeded":1' in command.output
    command = desk.start("fixes", "recep", "--json")
    desk.answer(*allow)
    assert desk.finish(command) == 0, command.output
    assert {"free-disk-space", "flush-dns"} <= {entry["id"] for entry in document(command)["fixes"]}
    command = desk.start("fix", "recep", "free-disk-space", "--param", "days=30", "--json")
    desk.answer(*allow, (r"approved\? \[y/N\]", "y"), (r"Allow it\? \[y/N\]", "n"))
    assert desk.finish(command) == 5, command.output
    assert document(command)["outcome"] == "refused"
    command = desk.start("fix", "recep", "free-disk-space", "--param", "hours=3")
    desk.answer(*allow, (r"approved\? \[y/N\]", "y"))
    assert desk.finish(command) == 2, command.output
    command = desk.start("fix", "--all", "no-such-fix")
    assert desk.finish(command) == 6, command.output
    assert "Your organisation has approved no fix" in command.output and "free-disk-space" in command.output
    command = desk.start("fix", "--group", "default", "free-disk-space", "--param", "days=30")
    desk.answer(*allow, (r"approved\? \[y/N\]", "y"), (r"Allow it\? \[y/N\]", "n"))
    assert desk.finish(command) == 5, command.output
    pinned = re.search(r"free-disk-space \S+, digest ([0-9a-f]{12}), as your organisation has approved it", command.output)
    assert pinned is not None and f"(digest {pinned[1]}): refused" in command.output, command.output


def test_the_console_opens_at_the_session(desk: Desk) -> None:
    command = desk.start("connect", "Reception PC", "--no-open")
    found = command.wait_for(r"file://(\S+\.html)")
    page = Path(found.group(1)).read_text()
    assert re.search(r"token=\S+", page)
    desk.answer(("Your answer", "w"))
    desk.person.expect("CONNECTED")
    assert command.stop() == 0
    desk.person.expect("is over")
    assert "CONNECTION LOST" not in desk.person.text
    assert not Path(found.group(1)).exists()


def test_an_agent_that_is_gone_is_6_and_a_relay_that_is_gone_4(world: World, tmp_path: Path) -> None:
    desk = Desk(world, tmp_path, world.user("status"))
    world.processes.pop("agent").stop()
    command = desk.start("connect", "Reception PC", "--no-browser", "--json")
    assert desk.finish(command) == 6, command.output
    world.processes.pop("signer").stop()
    world.processes.pop("relay").stop()
    command = desk.start("devices", "--json")
    assert desk.finish(command) == 4, command.output
    assert document(command)["error"]["kind"] == "RelayUnreachable"
