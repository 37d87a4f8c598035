"""Sizes, tests beside modules, and a few habits that a grep can hold."""

import ast
import re
import subprocess

import pytest

from tests.architecture.source import ROOT, Module, modules

MOST_LINES = 600
EXEMPT_FROM_TESTS = {"__init__", "__main__"}
# A relay with a certificate of its own is known by the pin of its key, compared before a byte is sent: only here may the TLS
# library be told that no authority vouches for it (the tests of this module show that another key is refused).
COMPARES_THE_PIN = "hostio.relay_tls"
PINNING_NEEDS = {r"check_hostname\s*=\s*False", r"\bCERT_NONE\b"}


def tracked(*patterns: str) -> list[str]:
    result = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in result.stdout.splitlines() if "/vendor/" not in name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", tracked("*.py", "*.js", "*.css", "*.sh"))
def test_no_file_is_too_long(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").count("\n")
    assert lines <= MOST_LINES, f"{name} has {lines} lines"


@pytest.mark.parametrize("module", [m for m in modules() if m.path.stem not in EXEMPT_FROM_TESTS], ids=lambda module: module.name)
def test_every_module_has_its_test(module: Module) -> None:
    relative = module.path.relative_to(ROOT)
    expected = ROOT / "tests" / "unit" / relative.parent / f"test_{relative.name}"
    assert expected.is_file(), f"{relative} has no {expected.relative_to(ROOT)}"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_every_module_says_what_it_is(module: Module) -> None:
    assert ast.get_docstring(module.tree), f"{module.name} has no docstring"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_no_careless_code(module: Module) -> None:
    """Verification turned off, weak hashes, shells, bare excepts: none of them, anywhere (security.md rows 25 and 26)."""
    text = module.path.read_text(encoding="utf-8")
    for pattern in (
        r"verify\s*=\s*False",
        r"ssl\s*=\s*False",
        r"check_hostname\s*=\s*False",
        r"\bCERT_NONE\b",
        r"\bVERIFY_NONE\b",
        r"_create_unverified_context",
        r"shell\s*=\s*True",
        r"\bos\.system\(",
        r"\bhashlib\.(md5|sha1)\(",
        r"except\s*:",
        r"except\s+BaseException",
        r"\bTODO\b|\bFIXME\b|\bXXX\b",
        r"NotImplementedError",
    ):
        found = re.search(pattern, text)
        if found and module.name == COMPARES_THE_PIN and pattern in PINNING_NEEDS:
            assert "hmac.compare_digest(" in text, f"{module.name} pins a key but does not compare it"
            continue
        assert not found, f"{module.name}: {found.group(0)}"


def test_every_task_has_somebody_who_hears_of_its_errors() -> None:
    """A task group, or a `hostio.tasks.Supervisor`, which alone makes tasks from the loop."""
    by_hand = re.compile(r"loop(\(\))?\.create_task\(")
    found = [module.name for module in modules() if by_hand.search(module.path.read_text(encoding="utf-8"))]
    assert found == ["hostio.tasks"]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_no_mutable_state_lives_in_a_module(module: Module) -> None:
    """A module may name constants (tables included, never changed); a lower-case module variable is state."""
    for node in module.tree.body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and not target.id.startswith("__"):
                plain = target.id.lstrip("_")
                known = plain in {"log", "logger", "revision", "down_revision"}
                assert plain[:1].isupper() or known, f"{module.name}.{target.id}"
    for node in ast.walk(module.tree):
        assert not isinstance(node, ast.Global), f"{module.name} uses global"
