"""The vendored libraries are those that the lock names, byte by byte, and the lock is that of the packages we check against."""

import hashlib
import json
import re
from pathlib import Path

from technician_client.console.assets import WEB_DIRECTORY

ROOT = Path(__file__).parents[4]
VENDOR = WEB_DIRECTORY / "vendor"
LOCK = json.loads((VENDOR / "lock.json").read_text("utf-8"))["packages"]


def test_every_file_is_what_the_lock_says() -> None:
    for package in LOCK:
        for file in package["files"]:
            assert hashlib.sha256((VENDOR / file["path"]).read_bytes()).hexdigest() == file["sha256"], file["path"]


def test_nothing_else_lies_there() -> None:
    locked = {file["path"] for package in LOCK for file in package["files"]}
    there = {path.name for path in VENDOR.iterdir() if not path.name.endswith(".d.ts")}
    assert there == locked | {"lock.json"}


def test_each_package_names_its_version_licence_and_integrity_and_brings_its_licence() -> None:
    for package in LOCK:
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
        assert package["licence"] in {"MIT", "Apache-2.0"}
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
        assert any(file["path"].endswith(".LICENSE") for file in package["files"])


def test_the_types_are_checked_against_the_same_versions() -> None:
    wanted = json.loads((ROOT / "package.json").read_text("utf-8"))["devDependencies"]
    resolved = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    for package in LOCK:
        assert wanted[package["name"]] == package["version"]
        assert resolved[f"node_modules/{package['name']}"]["integrity"] == package["integrity"]


def test_the_lock_of_the_tools_names_no_host() -> None:
    assert "://" not in (ROOT / "package-lock.json").read_text("utf-8")


def test_no_vendored_module_reaches_outside() -> None:
    for file in VENDOR.glob("*.js"):
        text = file.read_text("utf-8")
        assert "sourceMappingURL" not in text
        assert not re.search(r"\beval\(|new Function\(|\bfetch\(|XMLHttpRequest|importScripts\(", text), file.name
