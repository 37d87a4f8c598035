"""Restarting the computer by the system's own command, as the rights of this process allow."""

import asyncio
import shutil
from collections.abc import Mapping
from typing import Final

from agent.printable import printable
from protocol.errors import RefusalReason, Refused, Unavailable

SECONDS: Final = 20.0
WORDS_BYTES: Final = 4096


async def restart(environ: Mapping[str, str] | None = None) -> None:
    """`systemctl reboot`, without asking for a password at a terminal. Returns once the system has accepted it.

    Args: environ: the command's environment and the PATH it is looked up on (None: this process's).

    Raises:
        Refused: the system does not let this process restart it (`needs_root`); the text quotes it.
        Unavailable: there is no systemctl here, or it does not answer.
    """
    command = shutil.which("systemctl", path=None if environ is None else environ.get("PATH", ""))
    if command is None:
        raise Unavailable("This computer has no systemctl, so Handrail cannot restart it. Ask the person there to do it.")
    process = await asyncio.create_subprocess_exec(
        command,
        "--no-ask-password",
        "reboot",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=None if environ is None else dict(environ),
    )
    try:
        async with asyncio.timeout(SECONDS):
            assert process.stderr is not None
            words = await process.stderr.read(WORDS_BYTES)
            code = await process.wait()
    except TimeoutError as error:
        raise Unavailable(
            f"systemctl did not answer within {SECONDS:g} s; the computer may restart later or not at all."
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:
        said = printable(" ".join(words.decode("utf-8", "replace").split()))[:300] or f"exit code {code}"
        raise Refused(
            f"The system did not let Handrail restart it: {said}. Run the agent as a service, or allow its user to restart "
            "(polkit action org.freedesktop.login1.reboot).",
            reason=RefusalReason.NEEDS_ROOT,
        )
