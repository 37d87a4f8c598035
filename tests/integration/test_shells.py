"""Completion in real shells, and manual pages as `man` and its checker read them."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.kit.processes import command

ROOT = Path(__file__).resolve().parents[2]

ASKING = {
    # Each prints what the shell itself would offer after "handrail recor" and after "handrail recordings ex".
    "bash": """
source <(handrail completion bash)
ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _handrail_completion "$1"; printf '%s\\n' "${COMPREPLY[@]}"; }
ask handrail recor; ask handrail recordings ex
""",
    "zsh": """
autoload -Uz compinit; compinit -u -D
source <(handrail completion zsh)
compadd() { print -rl -- ${(P)@[-1]} $@; }; _describe() { print -rl -- ${(P)${@[-1]}} ${(P)${@[-2]}}; }
compset() { :; }
ask() { words=($@); CURRENT=$#; _handrail_completion; }
ask handrail recor; ask handrail recordings ex
""",
    "fish": """
handrail completion fish | source
complete -C 'handrail recor'
complete -C 'handrail recordings ex'
""",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(command('handrail')).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "MANWIDTH": "78",
        "LC_ALL": "C.UTF-8",
    }


@pytest.mark.parametrize("shell", list(ASKING))
def test_a_shell_completes_commands_and_what_is_below_them(shell: str, environment: dict[str, str]) -> None:
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    result = subprocess.run(
        [shell, *options, "-c", ASKING[shell]], env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    offered = {word for line in result.stdout.splitlines() for word in line.replace(":", " ").split()}
    assert {"recordings", "export"} <= offered, result.stdout + result.stderr
    assert "connect" not in offered


def test_the_manual_has_a_page_for_every_command_and_reads_cleanly(tmp_path: Path, environment: dict[str, str]) -> None:
    subprocess.run([str(ROOT / ".venv/bin/python"), str(ROOT / "scripts/man"), str(tmp_path / "man")], check=True, timeout=180)
    pages = sorted((tmp_path / "man").glob("*.1"))
    names = {page.stem for page in pages}
    assert {"handrail", "handrail-agent", "handrail-relay", "handrail-recordings-export", "handrail-agent-ask"} <= names
    checked = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *map(str, pages)], capture_output=True, text=True, check=False
    )
    assert checked.stdout == ""
    shown = subprocess.run(
        ["man", "--warnings", "-l", str(tmp_path / "man/handrail.1")], env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stderr == ""
    for word in ("EXIT CODES", "EXAMPLES", "handrail-recordings(1)", "refused: by the person there"):
        assert word in shown.stdout
