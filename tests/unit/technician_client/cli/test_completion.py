"""What shells are given, asked for as they ask."""

import os
import subprocess

import pytest

from technician_client.cli.completion import SHELLS, completion_script
from technician_client.cli.main import COMMANDS, cli
from tests.kit.processes import command

PROGRAMS = {"handrail": "recordings", "handrail-agent": "enrol", "handrail-relay": "serve"}


@pytest.mark.parametrize("shell", SHELLS)
def test_there_is_a_script_for_each_shell(shell: str) -> None:
    script = completion_script(cli, "handrail", shell)
    assert "_HANDRAIL_COMPLETE" in script
    assert "handrail" in script


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_answers_a_shell(program: str) -> None:
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    environment = {**os.environ, variable: "bash_complete", "COMP_WORDS": f"{program} ", "COMP_CWORD": "1"}
    result = subprocess.run([command(program)], env=environment, capture_output=True, text=True, check=True, timeout=60)
    names = {line.partition(",")[2] for line in result.stdout.splitlines()}
    assert {PROGRAMS[program], "completion"} <= names
    if program == "handrail":
        assert names == set(COMMANDS)
