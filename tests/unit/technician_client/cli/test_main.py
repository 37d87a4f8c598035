"""The command line as a whole."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from technician_client.cli.exit_codes import MEANINGS
from technician_client.cli.main import COMMANDS, cli, run

MINE = ["devices", "connect", "diagnose", "fixes", "fix", "console", "whoami"]


def test_the_help_lists_every_command_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in COMMANDS:
        assert f"  {name} " in shown
    for meaning in MEANINGS.values():
        assert meaning in shown


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_of_the_table_is_there(name: str) -> None:
    module = COMMANDS[name][0].partition(":")[0]
    assert importlib.util.find_spec(module) is not None
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert command.name == name


@pytest.mark.parametrize("name", MINE)
def test_every_command_has_json_and_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--json" in shown
    assert "Example" in shown
    assert f"handrail {name}" in shown


def test_the_list_of_commands_needs_no_imports() -> None:
    code = (
        "import sys; from technician_client.cli.main import run; run(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('av', 'numpy', 'technician_client.console', 'tuf')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_a_wrong_command_line_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["frobnicate"]) == 2
    assert "frobnicate" in capsys.readouterr().err
    assert run(["devices", "--frob"]) == 2
    assert run(["diagnose"]) == 2
    assert run(["diagnose", "x", "--all"]) == 2
    assert run(["fix", "only-one"]) == 2
    assert run(["fix", "a", "b", "--param", "noequals"]) == 2
    assert run(["connect"]) == 2


def test_without_an_identity_every_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["devices"],
        ["connect", "x", "--no-browser"],
        ["diagnose", "x"],
        ["fixes", "x"],
        ["fix", "x", "y"],
        ["whoami"],
    ):
        assert run(["--home", str(tmp_path), *words]) == 3
        assert "handrail join" in capsys.readouterr().err
    assert run(["--home", str(tmp_path), "--json", "devices"]) == 3
    assert '"kind":"NotSetUp"' in capsys.readouterr().out
    assert run(["--home", str(tmp_path), "devices", "--json"]) == 3
    assert '"exit_code":3' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("misspelt", "meant"), [(["diagnos"], "diagnose"), (["consle"], "console"), (["org", "technicians"], "technician")]
)
def test_a_misspelt_command_is_answered_with_the_one_that_was_meant(
    misspelt: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(misspelt) == 2
    said = capsys.readouterr().err
    assert "Did you mean" in said and f"'{meant}'" in said
