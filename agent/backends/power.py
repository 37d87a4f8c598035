"""Restarting the computer by the system's own command, as the rights of this process allow."""

import shutil
from collections.abc import Mapping
from typing import Final

from agent.children import capture
from protocol.errors import RefusalReason, Refused, Unavailable
from protocol.printable import printable

SECONDS: Final = 20.0


async def restart(environ: Mapping[str, str] | None = None) -> None:
    """`systemctl reboot`, without asking for a password at a terminal. Returns once the system has accepted it.

    Args: environ: holds the PATH that the command is looked up on (None: this process's); nothing of it is handed on.

    Raises:
        Refused: the system does not let this process restart it (`needs_root`); the text quotes it.
        Unavailable: there is no systemctl here, or it does not answer.
    """
    command = shutil.which("systemctl", path=None if environ is None else environ.get("PATH", ""))
    if command is None:
        raise Unavailable("This computer has no systemctl, so Handrail cannot restart it. Ask the person there to do it.")
    result = await capture([command, "--no-ask-password", "reboot"], seconds=SECONDS)
    if result.timed_out:
        raise Unavailable(f"systemctl did not answer within {SECONDS:g} s; the computer may restart later or not at all.")
    if result.exit_code != 0:
        said = printable(" ".join(result.stderr.decode("utf-8", "replace").split()))[:300] or f"exit code {result.exit_code}"
        raise Refused(
            f"The system did not let Handrail restart it: {said}. Run the agent as a service, or allow its user to restart "
            "(polkit action org.freedesktop.login1.reboot).",
            reason=RefusalReason.NEEDS_ROOT,
        )
