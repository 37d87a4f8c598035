"""A person at a real terminal answers for their computer: nothing else can, and No is what every doubt means."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.home_lock import home_lock
from tests.kit.processes import Process
from tests.kit.terminal import Terminal
from tests.kit.waiting import eventually
from tests.kit.world import World, assisted_world

QUESTION = r"Your answer \[w/c/y/N\] "


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Relay, organisation of one, signer and one enrolled agent, each in its own process; no display."""
    with assisted_world(tmp_path_factory.mktemp("w"), None) as world:
        yield world


class Caller:
    """The technician: `handrail connect CODE` (or a device) in a process of its own."""

    def __init__(self, world: World, target: str) -> None:
        argv = world.handrail_argv("connect", target, "--no-browser", "--passphrase-file", str(world.passphrase_file))
        self.process = Process(argv, world.logs / "connect.log", env=world.environment)

    def stop(self) -> None:
        self.process.stop()


def read_code(user: Terminal) -> str:
    return user.expect(r"Your code: (\d{3} \d{3} \d{3})").group(1)


def answered(user: Terminal, world: World, *keys: str) -> Caller:
    """A technician comes with the code, and the person answers."""
    caller = Caller(world, read_code(user))
    user.expect(QUESTION)
    for key in keys:
        user.type(key)
    return caller


def test_each_capability_is_asked_alone_and_ctrl_c_ends_the_session(world: World) -> None:
    user = world.user("ask", "the printer is on fire")
    caller = Caller(world, read_code(user))
    try:
        user.expect(r"Ana Ruiz of Example Ltd \(technician, tier 3\)")
        user.expect(r"Compare this number with theirs: \d{3} \d{3}")
        user.expect(QUESTION)
        user.type("y\n")
        for words, key in (
            ("see your screen", "n"),
            ("chat with you", "y"),
            ("read what state this computer is in", "yes"),
            ("point and draw on your screen", "n"),
            ("use your mouse and keyboard", ""),
            ("run fixes", "Y"),
            ("see who else helps you", "n"),
        ):
            user.expect(rf"May they {words}[^?]*\? \[y/N\] ")
            user.type(f"{key}\n")
        can = user.expect(r"CONNECTED: Ana Ruiz of Example Ltd can (.*)\.").group(1)
        assert "chat with you" in can
        assert "run fixes" in can
        assert "see your screen" not in can
        assert "mouse" not in can
        assert "draw" not in can
        assert "who else" not in can
        user.type("\x03")
        user.expect(r"is over\. Ended: by you\.")
        receipt = Path(user.expect(r"Your receipt: (\S+)").group(1))
        assert "Technician:   Ana Ruiz (tier 3" in receipt.read_text()
        assert user.wait() == 0
    finally:
        caller.stop()


@pytest.mark.parametrize("keys", ["\n", "n\n", "no\n", "sure, go ahead\n", "\x04"])
def test_whatever_is_not_clearly_yes_is_no(world: World, keys: str) -> None:
    user = world.user("ask")
    caller = answered(user, world, keys)
    try:
        assert user.wait() != 0
        assert "CONNECTED" not in user.text
        assert caller.process.wait() == 5
    finally:
        caller.stop()


def test_watch_and_control_is_one_letter_and_pausing_is_a_word(world: World) -> None:
    user = world.user("ask")
    caller = answered(user, world, "c\n")
    try:
        can = user.expect(r"CONNECTED: Ana Ruiz of Example Ltd can (.*)\.").group(1)
        assert "use your mouse and keyboard" in can
        assert "run fixes" not in can
        user.type("/pause\n")
        user.expect("PAUSED: nothing gets through")
        user.type("/resume\n")
        user.expect("RESUMED")
        user.type("/stop\n")
        user.expect("Your receipt")
        assert user.wait() == 0
    finally:
        caller.stop()


def test_more_time_is_one_letter(world: World) -> None:
    user = world.user("ask")
    caller = answered(user, world, "t\n")
    try:
        user.expect("waits 3:00 longer")
        user.expect(QUESTION)
        user.type("\n")
        assert user.wait() != 0
    finally:
        caller.stop()


def test_what_was_typed_ahead_is_no_answer(world: World) -> None:
    user = world.user("ask")
    code = read_code(user)
    user.type("w\nw\ny\n")
    eventually(lambda: "y" in user.text, "the terminal echoes")
    caller = Caller(world, code)
    try:
        user.expect(QUESTION)
        user.type("\n")
        user.expect("Your answer: No.")
        assert "CONNECTED" not in user.text
    finally:
        caller.stop()


def test_a_technician_asks_without_a_code_while_somebody_attends(world: World) -> None:
    user = world.user("attend")
    user.expect("Waiting for technicians")
    caller = Caller(world, "Reception PC")
    try:
        user.expect(QUESTION)
        user.type("w\n")
        user.expect("CONNECTED")
        status = subprocess.run(world.agent_argv("status"), capture_output=True, text=True, check=True, env=_env(world)).stdout
        assert re.search(r"Session \w+: Ana Ruiz \(tier 3\): view, chat, diagnostics", status)
        subprocess.run(world.agent_argv("stop"), capture_output=True, check=True, env=_env(world))
        user.expect("is over")
        user.type("\x03")
        assert user.wait() == 130
    finally:
        caller.stop()


def test_a_machine_without_a_display_says_so_and_the_session_stands(world: World) -> None:
    user = world.user("attend")
    user.expect("Waiting for technicians")
    picture = world.directory / "picture.png"
    argv = world.handrail_argv("connect", "Reception PC", "--screenshot", str(picture))
    caller = Process(
        [*argv, "--passphrase-file", str(world.passphrase_file)], world.logs / "screenshot.log", env=world.environment
    )
    try:
        user.expect(r"Your answer \[w/y/N\] ")
        user.type("w\n")
        user.expect("CONNECTED")
        assert caller.wait() != 0
        assert "display" in caller.output
        assert "Traceback" not in caller.output
        assert not picture.exists()
        user.expect("is over")
    finally:
        caller.stop()
        user.stop()


def test_nobody_there_is_a_refusal_that_says_what_to_do(world: World) -> None:
    argv = world.handrail_argv("connect", "Reception PC", "--no-browser", "--passphrase-file", str(world.passphrase_file))
    result = subprocess.run(argv, capture_output=True, text=True, env=_env(world), timeout=180, check=False)
    assert result.returncode == 5
    assert "handrail-agent ask" in result.stdout + result.stderr


@pytest.mark.parametrize("command", ["ask", "attend"])
def test_a_pipe_is_not_a_person(world: World, command: str) -> None:
    result = subprocess.run(
        world.agent_argv(command), input="y\ny\ny\n", capture_output=True, text=True, env=_env(world), timeout=180, check=False
    )
    assert result.returncode == 1
    assert "this is none" in result.stderr


def test_a_second_agent_on_the_same_home_ends_with_a_sentence(world: World) -> None:
    result = subprocess.run(world.agent_argv("run"), capture_output=True, text=True, env=_env(world), timeout=180, check=False)
    assert result.returncode == 1
    assert "already serves" in result.stderr
    assert "Traceback" not in result.stderr


def test_ask_runs_an_agent_of_its_own_when_none_runs(world: World) -> None:
    world.processes.pop("agent").stop()
    try:
        user = world.user("ask")
        caller = answered(user, world, "w\n")
        try:
            user.expect("CONNECTED")
            user.type("\x03")
            user.expect("Your receipt")
            assert user.wait() == 0
        finally:
            caller.stop()
        assert not (world.agent_home / "agent.sock").exists()
    finally:
        world.start_agent(None)
        eventually((world.agent_home / "agent.sock").exists, "the agent listens again")


def test_ask_waits_for_an_agent_that_is_starting(world: World) -> None:
    """Whichever of the two takes the lock, the person is shown a code and no riddle."""
    world.processes.pop("agent").stop()
    with home_lock(world.agent_home / "agent.lock"):  # what an agent does first
        user = world.user("ask", "--language", "en")
        user.expect("An agent is starting on this computer; waiting for it")
    try:
        agent = world.spawn("agent", *world.agent_argv("run"), env={"DISPLAY": ""})
        read_code(user)
        user.type("\x03")
        assert user.wait() == 130
        assert "already serves" not in user.text
    finally:
        agent.stop()
        world.start_agent(None)
        eventually((world.agent_home / "agent.sock").exists, "the agent listens again")


def test_ask_waits_for_a_relay_that_is_away(world: World) -> None:
    world.processes.pop("relay").stop()
    user = world.user("ask")
    user.expect("Trying again until it is there")
    world.start_relay()
    user.expect("The relay is back", seconds=60)
    read_code(user)
    user.type("\x03")
    assert user.wait() == 130


def _env(world: World) -> dict[str, str]:
    return {**os.environ, **world.environment}


def test_it_speaks_german_where_that_is_wanted(world: World) -> None:
    user = world.user("attend", "--language", "de")
    user.expect("Es wird auf den Support gewartet")
    user.type("\x03")
    assert user.wait() == 130
