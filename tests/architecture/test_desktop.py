"""The desktop side is light: it carries nothing of the daemon, and only the modules that draw know Qt."""

import json
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT, Module, modules

MAY_USE = {
    "agent.desktop",
    "agent.allowed",
    "agent.backends.hotkey",
    "agent.consent",
    "agent.errors",
    "agent.local_messages",
    "agent.policy_words",
    "protocol.printable",
    "agent.receipts",
    "agent.settings",
    "agent.status",
}
PURE = {
    "allowed_model",
    "article_model",
    "consent_model",
    "entry",
    "happenings",
    "launch",
    "look",
    "menu_model",
    "receipt_model",
    "session_model",
    "state",
    "texts",
}
HEAVY = {"numpy", "av", "tuf", "zstandard", "psutil", "websockets", "dns", "mss", "sqlite3", "cryptography"}
DESKTOP = [module for module in modules() if module.name.startswith("agent.desktop")]


@pytest.mark.parametrize("module", DESKTOP, ids=lambda module: module.name)
def test_it_uses_only_the_light_parts_of_the_agent(module: Module) -> None:
    used = {name for name in module.imports() if name.startswith("agent.")}
    strangers = {name for name in used if not any(name == one or name.startswith(f"{one}.") for one in MAY_USE)}
    assert not strangers, f"{module.name} imports {sorted(strangers)}"


@pytest.mark.parametrize("module", DESKTOP, ids=lambda module: module.name)
def test_models_know_no_qt(module: Module) -> None:
    has_qt = any(name.startswith("PySide6") for name in module.imports())
    assert not (has_qt and module.path.stem in PURE), f"{module.name} imports Qt"


def test_a_running_desktop_has_loaded_nothing_heavy() -> None:
    code = "import json, sys, agent.desktop.__main__; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(result.stdout)}
    assert not loaded & HEAVY
    assert not {
        name for name in json.loads(result.stdout) if name.startswith(("agent.daemon", "agent.features", "protocol.session"))
    }
