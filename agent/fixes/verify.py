"""May this script run here, for this technician, with these values; and are the bytes about to run still the approved ones?

Everything is asked in the order in which an answer costs least and tells most, before anything is unpacked.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.trusted_state import VerifiedScript
from protocol.errors import RefusalReason, Refused, TrustError
from protocol.manifests import ScriptManifest, bind_parameters
from protocol.messages.fixes import SHORT_DIGEST, ParameterValue

OS_NAME = "linux"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a run depends on besides the script: the technician's tier, whether the agent is root, whether fixes are turned on."""

    tier: int
    is_root: bool
    enabled: bool = True
    system: str = OS_NAME


def objection(manifest: ScriptManifest, circumstances: Circumstances) -> tuple[RefusalReason, str] | None:
    """Why this script cannot run here for this technician, whatever its parameters; None when it can."""
    if not circumstances.enabled:
        return RefusalReason.POLICY, "Fixes are turned off in this agent's settings (fixes.enabled)."
    if circumstances.system not in manifest.os:
        return (
            RefusalReason.UNSUPPORTED,
            f"{manifest.id} is for {', '.join(manifest.os)}; this machine runs {circumstances.system}.",
        )
    if circumstances.tier < manifest.min_tier:
        return (
            RefusalReason.TIER_TOO_LOW,
            f"{manifest.id} takes a technician of tier {manifest.min_tier}; yours is {circumstances.tier}. Hand over to one.",
        )
    if manifest.run_as == "root" and not circumstances.is_root:
        return (
            RefusalReason.NEEDS_ROOT,
            f"{manifest.id} has to run as the administrator, and the agent on this machine does not. Install it as a "
            f"system service.",
        )
    missing = sorted({step.argv[0] for step in manifest.steps() if not _executable(step.argv[0])})
    if missing:
        return RefusalReason.UNSUPPORTED, f"{manifest.id} needs {', '.join(missing)}, which this machine does not have."
    return None


def check_shown(script: VerifiedScript, digest: str) -> None:
    """Is the script that is approved here now the one that the technician looked at before they ordered it?

    Args: digest: what the order carries (`protocol.messages.fixes.FixDigest`).

    Raises:
        Refused: CHANGED, it is another; VERSION, the order does not say.
    """
    manifest = script.manifest
    if not digest:
        raise Refused(
            "The technician's Handrail does not say which version of the fix they looked at. It must be updated first.",
            reason=RefusalReason.VERSION,
        )
    if script.digest != digest:
        raise Refused(
            f"{manifest.id} was changed since you looked at it: it is version {manifest.version} here now (digest "
            f"{script.digest[:SHORT_DIGEST]}). Nothing was run. Look at it again, and then decide.",
            reason=RefusalReason.CHANGED,
        )


def _executable(path: str) -> bool:
    return Path(path).is_file() and os.access(path, os.X_OK)


def check_run(manifest: ScriptManifest, given: Mapping[str, ParameterValue], circumstances: Circumstances) -> dict[str, str]:
    """Everything that can be told before a person is asked.

    Returns:
        The parameters as the text that goes into argv.

    Raises:
        Refused: with the reason and a sentence for the technician.
    """
    why = objection(manifest, circumstances)
    if why is not None:
        raise Refused(why[1], reason=why[0])
    return bind_parameters(manifest, given)


def check_files(manifest: ScriptManifest, paths: Mapping[str, str]) -> None:
    """Open each of the script's files as it lies in the run's directory and hash what was opened; done before every step.

    Raises:
        TrustError: a file is gone, is not a plain file of ours that only we can write, or does not hold the approved bytes.
    """
    for entry in manifest.files:
        where = f"The file {entry.name} of {manifest.id}"
        try:
            handle = os.open(paths[entry.name], os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise TrustError(f"{where} cannot be opened any more: {error.strerror}. It was not run.") from error
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if (
                not stat.S_ISREG(status.st_mode)
                or status.st_uid != os.geteuid()
                or status.st_mode & 0o022
                or status.st_nlink != 1
            ):
                raise TrustError(f"{where} could be changed by others. It was not run.")
            data = file.read(entry.length + 1)
        if len(data) != entry.length or hashlib.sha256(data).hexdigest() != entry.sha256:
            raise TrustError(f"{where} was changed after it was verified. It was not run.")
