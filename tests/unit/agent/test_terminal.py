"""A real pseudo-terminal: lines, Ctrl-C, and type-ahead that does not count."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.kit.terminal import Terminal
from tests.kit.waiting import eventually

PROGRAM = """
import asyncio, sys
from agent.terminal import Interrupted, Terminal, Typed

async def main():
    inbox = asyncio.Queue()
    terminal = Terminal(lambda text: (sys.stdout.write(text), sys.stdout.flush()), inbox.put_nowait)
    async with terminal.listening():
        terminal.fleeting("code 123")
        terminal.fleeting("code")
        terminal.line("ready")
        while True:
            match await inbox.get():
                case Typed(text=None):
                    terminal.line("closed")
                    return
                case Typed(text="slow"):
                    terminal.line("slowly")
                    await asyncio.sleep(0.5)
                    terminal.prompt("question? ")
                case Typed(text=text, after=after):
                    terminal.line(f"typed {text!r}" if after == terminal.prompts else f"typed too early: {text!r}")
                case Interrupted():
                    terminal.line("interrupted")

asyncio.run(main())
"""


@pytest.fixture
def person() -> Iterator[Terminal]:
    terminal = Terminal([sys.executable, "-c", PROGRAM])
    terminal.expect("ready")
    yield terminal
    terminal.type("\x04")
    terminal.wait()
    terminal.stop()


def test_lines_interrupts_and_the_end(person: Terminal) -> None:
    person.type("hello é\n")
    person.expect("typed 'hello é'")
    person.type("\x03")
    person.expect("interrupted")
    person.type("\x04")
    person.expect("closed")


def test_what_was_typed_before_the_question_is_thrown_away(person: Terminal) -> None:
    person.type("slow\n")
    person.expect("slowly")
    person.type("y\n")
    eventually(lambda: "y" in person.text.partition("slowly")[2], "the echo")
    person.expect("question")
    person.type("n\n")
    person.expect("typed 'n'")
    assert "typed 'y'" not in person.text
    assert "typed too early: 'y'" in person.text


def test_half_a_line_from_before_the_question_is_thrown_away_too(person: Terminal) -> None:
    person.type("slow\n")
    person.expect("slowly")
    person.type("y")
    person.expect("question")
    person.type("n\n")
    person.expect("typed 'n'")


def test_a_fleeting_line_stays_when_another_comes(person: Terminal) -> None:
    assert "code 123" in person.text
    assert "code    \nready" in person.text


def test_a_pipe_is_no_person() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], input="y\n", capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "this is none" in result.stderr
