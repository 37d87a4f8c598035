"""A session over a real relay whose process is killed in the middle: it goes on, and nobody is asked a second time."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.processes import Process
from tests.kit.waiting import eventually
from tests.kit.world import World, assisted_world

ATTEMPTS = {"HANDRAIL_AGENT_LINK_BACKOFF_FIRST": "0.2", "HANDRAIL_AGENT_LINK_BACKOFF_MOST": "1"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with assisted_world(tmp_path_factory.mktemp("world"), None, extra=ATTEMPTS) as world:
        world.try_often()
        yield world


def events(command: Process) -> list[dict[str, object]]:
    """The JSON lines that a command has printed."""
    return [json.loads(line) for line in command.output.splitlines() if line.startswith("{")]


def until(command: Process, *names: str) -> list[dict[str, object]]:
    """Until a command has told these events, in this order."""
    eventually(lambda: [event["event"] for event in events(command)] == list(names), f"{names}: {command.output}")
    return events(command)


def test_the_relay_dies_and_comes_back_and_the_session_goes_on(world: World, tmp_path: Path) -> None:
    person = world.user("attend")
    person.expect("Waiting for technicians")
    argv = world.handrail_argv("connect", "Reception PC", "--no-browser", "--want", "diagnostics", "--want", "chat", "--json")
    command = Process([*argv, "--passphrase-file", str(world.passphrase_file)], tmp_path / "connect.log", env=world.environment)
    try:
        for question, keys in ((r"Your answer \[y/N\]", "y"), (r"\[y/N\]", "y"), (r"\[y/N\]", "y")):
            person.expect(question)
            person.type(keys + "\n")
        person.expect("CONNECTED")
        until(command, "open")

        world.processes["relay"].kill()
        person.expect("CONNECTION LOST, WAITING: Ana Ruiz may come back without asking")
        until(command, "open", "reconnecting")
        world.start_relay()
        told = until(command, "open", "reconnecting", "open")
        assert (told[0]["resumed"], told[2]["resumed"]) == (False, True)
        assert told[0]["session"] == told[2]["session"]
        assert told[0]["granted"] == told[2]["granted"] == ["chat", "diagnostics"]
        person.expect("BACK: Ana Ruiz can")
        assert person.text.count("asks to connect to this computer") == 1
        person.type("still there?\n")
        eventually(lambda: "chat" in [event["event"] for event in events(command)], "a line of chat arrives")

        # Stopped while the connection is lost: it is over, and the technician's return is a question.
        world.processes["relay"].kill()
        person.expect("CONNECTION LOST")
        person.type("/stop\n")
        person.expect("is over")
        world.start_relay()
        person.expect("asks to connect to this computer")
        person.expect("Your answer")
        person.type("\n")
        assert command.wait() == 5
    finally:
        command.kill()
        person.stop()
