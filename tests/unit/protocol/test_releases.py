"""Releases: their versions in order, their parts put together again, nothing else believed."""

import hashlib

import pytest

from protocol.documents import canonical_json
from protocol.errors import TrustError
from protocol.releases import PART_BYTES, Release, decode_release, newest_release, put_together, version_key

DATA = b"x" * (PART_BYTES + 10)


def release(**changes: object) -> Release:
    fields = {
        "platform": "linux-x86_64", "version": "0.2", "file": "handrail-0.2.whl", "sha256": hashlib.sha256(DATA).hexdigest(),
        "length": len(DATA), "parts": 2, **changes,
    }  # fmt: skip
    return Release(**fields)  # type: ignore[arg-type]


def test_a_release_is_read_and_put_together() -> None:
    read = decode_release(canonical_json(release()))
    assert read == release() and read.part_paths() == ["agent/linux-x86_64/0.2/part-000", "agent/linux-x86_64/0.2/part-001"]
    parts = {read.part_paths()[0]: DATA[:PART_BYTES], read.part_paths()[1]: DATA[PART_BYTES:]}
    assert put_together(read, parts.__getitem__) == DATA
    for wrong in (DATA, b"y" * 10, b""):
        with pytest.raises(TrustError, match="do not make the file"):
            put_together(read, lambda path, wrong=wrong: parts[path] if path.endswith("0") else wrong)  # type: ignore[misc]


@pytest.mark.parametrize(
    "changes",
    [{"parts": 1}, {"platform": "../x"}, {"version": "1.x"}, {"file": "../../etc/passwd"}, {"file": ""}, {"length": 0}, {"v": 2}],
)
def test_what_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(TrustError):
        decode_release(canonical_json(release(**changes)))


def test_versions_are_numbers_and_only_releases_for_the_platform_count() -> None:
    assert version_key("0.10") > version_key("0.9.9") > version_key("0.9") and version_key("1.0") == version_key("1")
    paths = ["agent/linux-x86_64/0.9/release.json", "agent/linux-x86_64/0.10/release.json", "agent/linux-x86_64/0.11/part-000"]
    paths += ["agent/other/7/release.json", "agent/linux-x86_64/newest/release.json", "scripts/linux-x86_64/8/release.json", "x"]
    assert newest_release(paths, "linux-x86_64") == "0.10" and newest_release(paths, "none") == ""
