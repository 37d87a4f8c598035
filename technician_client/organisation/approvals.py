"""Approving fix scripts: a directory with `fix.toml` and its files becomes a signed manifest and signed files in the `scripts`
role.

`fix.toml` says what `protocol.manifests.ScriptManifest` holds, except that `files` is a list of names: hashes and lengths are
taken here, from the bytes that are signed.
"""

import difflib
import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from tuf.api.metadata import Targets

from protocol.documents import canonical_json
from protocol.errors import TrustError
from protocol.limits import LIMITS
from protocol.manifests import MANIFEST_NAME, ScriptManifest, check_manifest, decode_manifest
from technician_client.errors import NotFound
from technician_client.organisation.metadata import TufSigner
from technician_client.organisation.spool import Spool
from technician_client.organisation.vault import KeyDirectory

SOURCE_NAME = "fix.toml"
MAX_FILE_BYTES = LIMITS.repository_file_bytes
TWO_PEOPLE = ("scripts", "agent")
STARTER_FIXES = Path(__file__).parent / "starter_fixes"


@dataclass(frozen=True, slots=True)
class Script:
    """A script that was read whole: what is shown to the approver is what is signed."""

    manifest: ScriptManifest
    files: dict[str, bytes]

    def targets(self) -> dict[str, bytes]:
        """The repository's files, by path."""
        base = f"scripts/{self.manifest.id}/{self.manifest.version}"
        return {f"{base}/{name}": data for name, data in self.files.items()} | {
            f"{base}/{MANIFEST_NAME}": canonical_json(self.manifest)
        }


def read_script(directory: Path) -> Script:
    """Read a script's source directory.

    Raises:
        NotFound: there is no `fix.toml`.
        TrustError: it does not say what it must, names a file that is not there, or a file lies there that it does not name.
    """
    source = directory / SOURCE_NAME
    try:
        fields: dict[str, Any] = tomllib.loads(_read(source).decode())
    except FileNotFoundError as error:
        raise NotFound(f"There is no {SOURCE_NAME} in {directory}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrustError(f"{source} is not valid TOML: {error}.") from error
    names = fields.get("files", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TrustError(f"{source}: `files` must be a list of file names.")
    files: dict[str, bytes] = {}
    for name in names:
        try:
            files[name] = _read(directory / name)
        except FileNotFoundError as error:
            raise TrustError(f"{source} names {name}, which is not there.") from error
    # A file that is forgotten would only be noticed when the fix fails on somebody's computer.
    left = {path.name for path in directory.iterdir() if path.is_file() and not path.name.startswith(".")} - {SOURCE_NAME, *names}
    if left:
        raise TrustError(f"{source} does not name {', '.join(sorted(left))}. Add it to `files`, or remove it.")
    described = [{"name": name, "sha256": hashlib.sha256(data).hexdigest(), "length": len(data)} for name, data in files.items()]
    try:
        manifest = msgspec.convert({**fields, "files": described}, ScriptManifest)
    except msgspec.ValidationError as error:
        raise TrustError(f"{source}: {error}.") from error
    check_manifest(manifest)
    return Script(manifest, files)


def starter_fixes(directory: Path = STARTER_FIXES) -> list[Script]:
    """The fix scripts that come with Handrail. Nobody runs them before an organisation has approved them."""
    return [read_script(path) for path in sorted(directory.iterdir()) if (path / SOURCE_NAME).exists()]


def approve(spool: Spool, scripts: Sequence[Script], signers: Sequence[TufSigner], wall: datetime) -> int:
    """Sign scripts; an older version of the same script is no longer approved afterwards.

    Returns:
        How many signatures are still missing.

    Raises:
        TrustError: this version is approved already with other bytes, or the key may not sign.
    """
    listed = spool.newest("scripts").signed.targets
    add: dict[str, bytes] = {}
    remove: list[str] = []
    for script in scripts:
        base = f"scripts/{script.manifest.id}/"
        targets = script.targets()
        for path, data in targets.items():
            known = listed.get(path)
            if known is not None and known.hashes["sha256"] != hashlib.sha256(data).hexdigest():
                raise TrustError(
                    f"{script.manifest.id} {script.manifest.version} is approved with other contents. "
                    f"Raise `version` in its {SOURCE_NAME}."
                )
        remove += [path for path in listed if path.startswith(base) and path not in targets]
        add |= targets
    return spool.edit("scripts", add=add, remove=remove, signers=signers, wall=wall)


def difference(spool: Spool, script: Script) -> list[str]:
    """What approving this script changes, as the lines of a unified diff against the approved version: manifest first, then each
    file. A script that is new is shown whole."""
    base = f"scripts/{script.manifest.id}/"
    listed = [path for path in spool.newest("scripts").signed.targets if path.startswith(base)]
    before = {path.rpartition("/")[2]: spool.newest_target("scripts", path) for path in listed}
    after = {**script.files, MANIFEST_NAME: canonical_json(script.manifest)}
    version = f"{script.manifest.id} {script.manifest.version}"
    names = [MANIFEST_NAME, *sorted({*before, *after} - {MANIFEST_NAME})]
    lines: list[str] = []
    for name in names:
        old, new = (_lines(name, files[name]) if name in files else [] for files in (before, after))
        lines += difflib.unified_diff(old, new, f"approved/{name}", f"{version}/{name}", n=3, lineterm="")
    return lines


def changes(role: str, before: Spool, after: Spool) -> list[str]:
    """What a decision about a role changes, as the lines of a unified diff: documents of the role, and who may sign what."""
    old, new = before.newest(role).signed, after.newest(role).signed
    lines: list[str] = []
    for path in sorted({*old.targets, *new.targets}):
        first, second = (_text(spool, role, path) for spool in (before, after))
        lines += difflib.unified_diff(first, second, f"published/{path}", f"proposed/{path}", n=3, lineterm="")
    first, second = (_lines(MANIFEST_NAME, _delegations(signed)) for signed in (old, new))
    lines += difflib.unified_diff(first, second, "published/who signs", "proposed/who signs", n=3, lineterm="")
    return lines


def withdrawn(before: Spool, after: Spool) -> list[str]:
    """Lines about the scripts whose approval a decision ends."""
    left = {manifest.id for manifest in approved(after)}
    return [f"-{manifest.id} {manifest.version} (no longer approved)" for manifest in approved(before) if manifest.id not in left]


def script_changes(before: Spool, after: Spool) -> list[str]:
    """What a decision about scripts changes: each that differs against its approved version, and those that end."""
    changed = [line for script in waiting(after) for line in difference(before, script)]
    return [*changed, *withdrawn(before, after)]


def _text(spool: Spool, role: str, path: str) -> list[str]:
    if path not in spool.newest(role).signed.targets:
        return []
    return _lines(MANIFEST_NAME if path.endswith(".json") else path, spool.newest_target(role, path))


def _delegations(signed: Targets) -> bytes:
    return msgspec.json.encode(signed.delegations.to_dict() if signed.delegations is not None else {}, order="sorted")


def waiting(spool: Spool) -> list[Script]:
    """The scripts in the file of the role that waits for signatures, whole: what a second approver looks at."""
    found = []
    for manifest in approved(spool):
        base = f"scripts/{manifest.id}/{manifest.version}"
        files = {file.name: spool.newest_target("scripts", f"{base}/{file.name}") for file in manifest.files}
        found.append(Script(manifest, files))
    return found


def _lines(name: str, data: bytes) -> list[str]:
    """A file as lines for people; a manifest with one key a line; bytes that are no text by their hash."""
    if name == MANIFEST_NAME:
        data = msgspec.json.format(data, indent=2)
    try:
        return data.decode().splitlines()
    except UnicodeDecodeError:
        return [f"({len(data)} bytes, no text, sha256 {hashlib.sha256(data).hexdigest()})"]


def one_persons_key(spool: Spool, vault: KeyDirectory, role: str, names: Sequence[str], *, adding: bool = False) -> Sequence[str]:
    """Which keys one run of a command signs scripts with. Where two people must approve, that is one key, and none where a
    signature by another key of the same vault stands there already: the author would be both approvers.

    Args:
        names: the keys that were asked for; none for all of the role.
        adding: a signature is added to what somebody else has signed.

    Returns:
        The names to sign with; empty for every key of the role.

    Raises:
        TrustError: it would be the same person twice.
    """
    delegations = spool.newest("targets").signed.delegations
    delegated = (delegations.roles or {}).get(role) if delegations is not None else None
    if role not in TWO_PEOPLE or delegated is None or delegated.threshold < 2:
        return names
    here = [name for name in vault.names() if name.rpartition("-")[0] == role]
    chosen = list(names) or here
    if len(chosen) != 1:
        raise TrustError(
            f"{delegated.threshold} people approve {role}, each with a key of their own. Sign with one (--key NAME; here: "
            f"{', '.join(here) or 'none'}), and let another holder countersign."
        )
    signed = set(spool.newest(role).signatures) if adding and spool.candidate(role) is not None else set()
    if chosen[0] in here and TufSigner(vault.get(chosen[0])).public_key.keyid in signed:
        raise TrustError(f"{chosen[0]} has signed this already. Its second approver is somebody else, with another key.")
    for name in here:
        if name != chosen[0] and TufSigner(vault.get(name)).public_key.keyid in signed:
            raise TrustError(
                f"{name}, which has signed this already, lies in the same vault as {chosen[0]}: its author would be both "
                "approvers. Hand keys over to their holders (handrail org key move), and let one of them countersign."
            )
    return chosen


def withdraw(spool: Spool, identifier: str, signers: Sequence[TufSigner], wall: datetime) -> int:
    """End the approval of a script, all versions; returns missing signatures.

    Raises:
        NotFound: it is not approved.
    """
    paths = [path for path in spool.newest("scripts").signed.targets if path.startswith(f"scripts/{identifier}/")]
    if not paths:
        raise NotFound(f"{identifier!r} is not approved. See: handrail org show")
    return spool.edit("scripts", add={}, remove=paths, signers=signers, wall=wall)


def approved(spool: Spool) -> list[ScriptManifest]:
    """The manifests that stand in the newest file of the role, published or waiting."""
    paths = [path for path in sorted(spool.newest("scripts").signed.targets) if path.endswith(f"/{MANIFEST_NAME}")]
    return [decode_manifest(spool.newest_target("scripts", path)) for path in paths]


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise TrustError(f"{path} is larger than {MAX_FILE_BYTES} bytes.")
    return data
