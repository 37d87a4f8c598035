"""Which files may go: those that nothing kept names, and none at all when in doubt."""

import json
from pathlib import Path
from typing import Any

import pytest

from relay.pruning import KEPT_VERSIONS, TIMESTAMP, Survey
from tests.kit.founded import Founded


def survey(files: dict[str, bytes], kept_versions: int = 2) -> frozenset[str]:
    """One look at these files."""
    look = Survey(files, kept_versions)
    for path in look.wanted:
        look.look(path, files[path])
    return look.superseded()


def signed(version: int, **parts: Any) -> bytes:
    return json.dumps({"signed": {"version": version, **parts}, "signatures": []}).encode()


def target(path: str, digest: str) -> dict[str, Any]:
    return {path: {"hashes": {"sha256": digest}, "length": 1}}


@pytest.fixture
def files() -> dict[str, bytes]:
    """Version 4 of everything, with all that went before; each version of the fixes has a file of its own and one in common."""
    found = {TIMESTAMP: signed(9, meta={"snapshot.json": {"version": 4}})}
    for version in range(1, 5):
        found[f"metadata/{version}.root.json"] = signed(version)
        found[f"metadata/{version}.snapshot.json"] = signed(version, meta={"fixes.json": {"version": version}})
        listed = {**target("fixes/own", f"{version}" * 8), **target("fixes/common", "c" * 8)}
        found[f"metadata/{version}.fixes.json"] = signed(version, targets=listed)
        found[f"targets/fixes/{str(version) * 8}.own"] = b"x"
    found["targets/fixes/cccccccc.common"] = b"x"
    return found


def test_what_nothing_kept_names_may_go(files: dict[str, bytes]) -> None:
    assert survey(files) == {
        *(f"metadata/{version}.{role}.json" for version in (1, 2) for role in ("snapshot", "fixes")),
        "targets/fixes/11111111.own",
        "targets/fixes/22222222.own",
    }


def test_roots_and_what_is_kept_stay(files: dict[str, bytes]) -> None:
    left = files.keys() - survey(files)
    assert {path for path in left if "root" in path} == {f"metadata/{n}.root.json" for n in range(1, 5)}
    assert survey({path: files[path] for path in left}) == frozenset()
    assert survey(files, KEPT_VERSIONS) == frozenset()


def test_a_file_that_nobody_ever_named_may_go(files: dict[str, bytes]) -> None:
    files["targets/fixes/dddddddd.stray"] = b"x"
    assert "targets/fixes/dddddddd.stray" in survey(files, 9)


@pytest.mark.parametrize(
    "broken",
    [
        {TIMESTAMP: b"{}"},
        {TIMESTAMP: b"not json"},
        {TIMESTAMP: b"[" * 100_000},
        {TIMESTAMP: signed(9, meta={"snapshot.json": {"version": 5}})},
        {TIMESTAMP: signed(9)},
        {"metadata/4.snapshot.json": signed(4)},
        {"metadata/4.snapshot.json": signed(4, meta={"fixes.json": {"version": 7}})},
        {"metadata/3.fixes.json": b"\xff"},
        {"metadata/4.fixes.json": signed(4, targets=["a"])},
    ],
)
def test_in_doubt_everything_stays(files: dict[str, bytes], broken: dict[str, bytes]) -> None:
    assert survey({**files, **broken}) == frozenset()


def test_without_a_timestamp_everything_stays(files: dict[str, bytes]) -> None:
    del files[TIMESTAMP]
    assert survey(files) == frozenset()
    assert survey({}) == frozenset()


def test_names_that_are_not_hashed_stay_too(files: dict[str, bytes]) -> None:
    files["targets/fixes/own"] = b"x"
    files["metadata/snapshot.json"] = signed(1)
    assert not {"targets/fixes/own", "metadata/snapshot.json"} & survey(files)


def test_a_real_repository_is_kept_whole(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    founded.publish()
    published = dict(founded.repository.files())
    assert survey(published) == frozenset()
    assert survey({**published, "targets/scripts/a/1/00.b": b""}) == {"targets/scripts/a/1/00.b"}
