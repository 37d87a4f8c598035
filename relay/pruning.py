"""Which files of an organisation's repository nobody needs any more: what makes room when its signer publishes.

Kept are the timestamp, every root (whoever was away for a year goes through all of them), the newest versions of each other role,
and all files that these name. The relay reads names and versions, and judges no signature: who writes here is the signer, who
may do as it likes with its own files. What cannot be read as expected makes everything stay. Pure: no clock, no storage.
"""

import re
from collections import defaultdict
from collections.abc import Collection
from typing import Final

import msgspec

TIMESTAMP: Final = "metadata/timestamp.json"
KEPT_VERSIONS: Final = 16
"""More than technicians look back (the library shows what a fix was before)."""
_VERSIONED: Final = re.compile(r"metadata/([0-9]{1,9})\.([A-Za-z0-9_-]+)\.json", re.ASCII)


class _Version(msgspec.Struct, frozen=True):
    version: int


class _Listed(msgspec.Struct, frozen=True):
    hashes: dict[str, str] = {}


class _Signed(msgspec.Struct, frozen=True):
    """The parts of a TUF file's `signed` that say which other files there are."""

    version: int
    meta: dict[str, _Version] = {}
    targets: dict[str, _Listed] = {}


class _File(msgspec.Struct, frozen=True):
    signed: _Signed


_FILE: Final = msgspec.json.Decoder(_File)


class Survey:
    """One look at a repository: read `wanted` one after the other, hand each to `look`, then ask for `superseded`."""

    def __init__(self, paths: Collection[str], kept_versions: int) -> None:
        """Args: paths: of every file that is stored now. kept_versions: so many of each role stay."""
        self._paths = frozenset(paths)
        versions: dict[str, list[int]] = defaultdict(list)
        spelled: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._kept = {path for path in paths if path.startswith("metadata/")}
        for path in paths:
            match = _VERSIONED.fullmatch(path)
            if match and match.group(2) != "root":
                version, role = int(match.group(1)), match.group(2)
                versions[role].append(version)
                spelled[role, version].add(path)
        for role, found in versions.items():
            for version in sorted(set(found))[:-kept_versions]:
                self._kept -= spelled[role, version]
        self._named: set[str] = set()
        self._files: dict[str, _Signed] = {}
        self._whole = True

    @property
    def wanted(self) -> list[str]:
        """What has to be read to know what is named."""
        return sorted(path for path in self._kept if not path.endswith(".root.json"))

    def look(self, path: str, body: bytes) -> None:
        """One of `wanted`."""
        try:
            signed = _FILE.decode(body).signed
        except (ValueError, RecursionError):
            self._whole = False
            return
        self._files[path] = msgspec.structs.replace(signed, targets={})
        for target, listed in signed.targets.items():
            directory, slash, name = target.rpartition("/")
            self._named.add(f"targets/{target}")
            self._named.update(f"targets/{directory}{slash}{digest}.{name}" for digest in listed.hashes.values())

    def superseded(self) -> frozenset[str]:
        """What may go. Nothing as long as what the current timestamp names is not all here and readable."""
        return self._paths - self._kept - self._named if self._whole and self._stands() else frozenset()

    def _stands(self) -> bool:
        timestamp = self._files.get(TIMESTAMP)
        if timestamp is None or "snapshot.json" not in timestamp.meta:
            return False
        snapshot = self._files.get(f"metadata/{timestamp.meta['snapshot.json'].version}.snapshot.json")
        if snapshot is None or not snapshot.meta:
            return False
        return all(f"metadata/{info.version}.{name}" in self._files for name, info in snapshot.meta.items())
