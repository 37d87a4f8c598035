"""Verified scripts without a repository: the struct that `agent.trust` would have made, over files in a directory."""

import hashlib
import os
from pathlib import Path
from typing import Any

from agent.trusted_state import VerifiedScript
from protocol.documents import canonical_json
from protocol.manifests import ScriptFile, ScriptManifest, Step, check_manifest, manifest_digest

SHELL = "/bin/sh"


def shell_script(
    directory: Path, text: str, *, steps: tuple[str, ...] = ("run",), arguments: tuple[str, ...] = (), **fields: Any
) -> VerifiedScript:
    """A script of one shell file that is called with the step's name as its first argument. `fields` are the manifest's."""
    data = text.encode()
    digest = hashlib.sha256(data).hexdigest()
    objects = directory / "objects"
    objects.mkdir(mode=0o700, exist_ok=True)
    (objects / digest).write_bytes(data)
    timeouts = fields.pop("timeouts", {})
    made = {step: Step(argv=[SHELL, "{file:fix.sh}", step, *arguments], timeout=timeouts.get(step)) for step in steps}
    manifest = ScriptManifest(
        **{
            "id": "test-fix",
            "version": "1",
            "title": "A test",
            "min_tier": 1,
            "run_as": "user",
            "os": ["linux"],
            "timeout": 20.0,
            "files": [ScriptFile(name="fix.sh", sha256=digest, length=len(data))],
            **made,
            **fields,
        }
    )
    check_manifest(manifest)
    return VerifiedScript(manifest, objects, manifest_digest(canonical_json(manifest)))


def living(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def pids_in(path: Path) -> list[int]:
    """The process numbers that scripts have written to a file, one a line."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def kill_quietly(pids: list[int]) -> None:
    """For tests that show what happens without a control."""
    for pid in pids:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue
