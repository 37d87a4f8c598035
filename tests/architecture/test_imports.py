"""Who may import whom."""

import json
import re
import subprocess
import sys
import tomllib

import pytest

from tests.architecture.source import PACKAGES, ROOT, Module, modules

PURE_LIBRARIES = {"msgspec", "cryptography", "OpenSSL"}
# What every program is installed with, as it is imported.
COMMON_LIBRARIES = PURE_LIBRARIES | {"rich"}
# Modules that a relay does not load, and what of both peers' extras they use.
PEERS_LIBRARIES = {
    "hostio.proxies": {"websockets"},
    "hostio.relay_websocket": {"websockets"},
    "hostio.signed_repository": {"tuf"},
}
# Not in constant time, so only where secrets are used once; and not installed beside a relay.
SPAKE2_MODULE = "protocol.guest"
IMPURE_STANDARD = {
    "asyncio",
    "socket",
    "time",
    "threading",
    "subprocess",
    "select",
    "selectors",
    "ssl",
    "http",
    "urllib",
    "logging",
    "os",
}
RELAY_MAY_USE = {
    "protocol",
    "protocol.link",
    "protocol.link_messages",
    "protocol.certificates",
    "protocol.errors",
    "protocol.limits",
    "protocol.version",
}
# Whatever could open a session or read one: nothing of it may be loaded in a relay process.
OPENS_A_SESSION = {
    "protocol.session",
    "protocol.session_core",
    "protocol.channel",
    "protocol.frames",
    "protocol.messages",
    "protocol.pairing",
    "protocol.guest",
}
PLATFORM_QUESTIONS = {"platform"}


def of(package: str) -> list[Module]:
    return [module for module in modules() if module.package == package]


def shared_with(package: str) -> set[str]:
    """`protocol` does no I/O; the programs may use that which does."""
    return set() if package == "protocol" else {"hostio"}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_program_imports_itself_and_what_is_shared_and_no_other_program(module: Module) -> None:
    ours = {name for name in module.imports() if name.split(".")[0] in PACKAGES}
    strangers = {name for name in ours if name.split(".")[0] not in {module.package, "protocol", *shared_with(module.package)}}
    assert not strangers, f"{module.name} imports {sorted(strangers)}"
    assert not any(name.startswith(".") for name in module.imports()), f"{module.name}: write imports in full"


@pytest.mark.parametrize("module", of("protocol"), ids=lambda module: module.name)
def test_protocol_is_pure(module: Module) -> None:
    tops = {name.split(".")[0] for name in module.imports()}
    allowed = PURE_LIBRARIES | {"protocol"} | ({"spake2"} if module.name == SPAKE2_MODULE else set())
    strangers = {top for top in tops if top not in sys.stdlib_module_names and top not in allowed}
    assert not strangers, f"{module.name} imports {sorted(strangers)}"
    assert not tops & IMPURE_STANDARD, f"{module.name} imports {sorted(tops & IMPURE_STANDARD)}: machines have no I/O, no clock"


@pytest.mark.parametrize("module", of("hostio"), ids=lambda module: module.name)
def test_what_is_shared_uses_only_what_each_program_has(module: Module) -> None:
    tops = {name.split(".")[0] for name in module.imports()} - sys.stdlib_module_names
    strangers = tops - COMMON_LIBRARIES - {"protocol", "hostio"} - PEERS_LIBRARIES.get(module.name, set())
    assert not strangers, f"{module.name} imports {sorted(strangers)}"


def test_what_only_peers_share_stands_in_the_extras_of_both() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[^A-Za-z0-9_-]", requirement)[0].lower() for requirement in requirements}

    extras = project["optional-dependencies"]
    assert {"msgspec", "cryptography", "pyopenssl", "rich"} <= names(project["dependencies"])
    for libraries in PEERS_LIBRARIES.values():
        assert libraries <= names(extras["agent"]) & names(extras["technician"])
    assert not [module.name for module in of("relay") if module.imports() & set(PEERS_LIBRARIES)]


@pytest.mark.parametrize("module", of("relay"), ids=lambda module: module.name)
def test_the_relay_names_nothing_that_opens_a_session(module: Module) -> None:
    used = {name for name in module.imports() if name.split(".")[0] == "protocol"}
    allowed = {name for name in used if name in RELAY_MAY_USE or name.rpartition(".")[0] in RELAY_MAY_USE - {"protocol"}}
    assert used == allowed, f"{module.name} imports {sorted(used - allowed)}"


def test_a_running_relay_has_loaded_nothing_that_opens_a_session() -> None:
    code = "import json, sys, relay.app, relay.cli; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(result.stdout))
    assert not loaded & OPENS_A_SESSION
    assert not {name for name in loaded if name.split(".")[0] in {"agent", "technician_client"}}


@pytest.mark.parametrize(
    "module", [m for m in modules() if not m.name.startswith("agent.backends")], ids=lambda module: module.name
)
def test_only_backends_ask_which_platform_this_is(module: Module) -> None:
    text = module.path.read_text(encoding="utf-8")
    assert not module.imports() & PLATFORM_QUESTIONS, f"{module.name} imports platform"
    for question in ("sys.platform", "os.name", "platform.system"):
        assert question not in text, f"{module.name} asks {question}"
