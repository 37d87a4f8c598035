"""One fix from start to end: detect, run, verify, undo.

What exit codes mean is said in `protocol.manifests.Step`. When the run step fails, is ended, or its verification fails, the
undo step
runs, if there is one. Everything the script prints is streamed; nothing it prints decides anything.
"""

import asyncio
import os
import pwd
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agent.children import SEARCH_PATH
from agent.fixes.guarded import StepEnd, run_guarded
from agent.fixes.output import Stream
from agent.fixes.verify import check_files
from agent.fixes.workspace import candidates, workspace
from agent.trust import VerifiedScript
from protocol.errors import TrustError, Unavailable
from protocol.manifests import ScriptManifest, Step, render_argv

Stage = Literal["detect", "run", "verify", "undo"]
Outcome = Literal["fixed", "not_needed", "done", "failed", "verify_failed", "undone", "timed_out", "cancelled"]
NOTHING_TO_DO = 1
LAST_UNDO_SECONDS = 30.0
# Where the user's desktop and session bus are: needed by what acts on the desktop, and no secrets.
_PASSED_ON = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


@dataclass(frozen=True, slots=True)
class FixReport:
    """How a fix ended. `text` is one or two sentences for the technician; `exit_code` is that of the step that decided."""

    outcome: Outcome
    seconds: float
    exit_code: int | None = None
    text: str = ""
    truncated: bool = False


@dataclass(slots=True)
class Progress:
    """Who hears of a run: `stage` before each step, `output` with what it prints."""

    stage: Callable[[Stage], None]
    output: Callable[[Stage, Stream, str], None]


@dataclass(slots=True)
class FixRun:
    """One run of one verified script with bound parameters (`protocol.manifests.bind_parameters`). Used once.

    `environ` is the agent's own environment, of which a few names are passed on; `stop` ends the run on demand.
    """

    script: VerifiedScript
    values: Mapping[str, str]
    progress: Progress
    environ: Mapping[str, str]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    places: Sequence[Path] = ()
    _truncated: bool = False

    async def run(self) -> FixReport:
        """Go through all steps. Whatever happens, no process and no file of the run is left behind.

        When the caller is cancelled while the run step works, it is ended and undone before the cancellation goes on.

        Raises:
            TrustError: the script's files are not the approved ones; nothing (more) of them was run.
            Unavailable: there is no room or no process for it.
        """
        started = time.monotonic()
        manifest = self.script.manifest
        places = list(self.places) or candidates(self.environ, temporary=Path(tempfile.gettempdir()))
        with workspace(places, sum(entry.length for entry in manifest.files)) as directory:
            try:
                files = self.script.materialise(directory)
            except OSError as error:
                raise Unavailable(
                    f"The script cannot be unpacked: {error.strerror or error}. Free some space and try again."
                ) from error
            # Its own files are apart from where it works, so that it does not trip over them.
            work = directory / "work"
            work.mkdir(mode=0o700)
            report = await self._stages(manifest, files, work)
        return FixReport(report.outcome, time.monotonic() - started, report.exit_code, report.text, self._truncated)

    async def _stages(self, manifest: ScriptManifest, files: Mapping[str, str], work: Path) -> FixReport:
        if manifest.detect is not None:
            detected = await self._step("detect", manifest.detect, files, work)
            if detected.exit_code == NOTHING_TO_DO:
                return FixReport("not_needed", 0, detected.exit_code, "The script looked and found nothing to do.")
            if detected.exit_code != 0:
                return _unfinished("detect", detected, "Nothing was changed.")
        try:
            ran = await self._step("run", manifest.run, files, work)
        except asyncio.CancelledError:
            # The session is over. What was begun is still taken back, within a bound.
            await self._undo_quietly(manifest, files, work)
            raise
        if ran.exit_code != 0:
            return await self._take_back(manifest, files, work, _unfinished("run", ran, ""))
        if manifest.verify is None:
            return FixReport("done", 0, 0, "The script ran to its end. It has no step that proves the result.")
        verified = await self._step("verify", manifest.verify, files, work)
        if verified.exit_code == 0:
            return FixReport("fixed", 0, 0, "The script ran, and its check says that the trouble is gone.")
        if verified.cut_short:
            return await self._take_back(manifest, files, work, _unfinished("verify", verified, ""))
        text = f"The script ran, but its check says that the trouble is still there (exit code {verified.exit_code})."
        return await self._take_back(manifest, files, work, FixReport("verify_failed", 0, verified.exit_code, text))

    async def _take_back(self, manifest: ScriptManifest, files: Mapping[str, str], work: Path, report: FixReport) -> FixReport:
        """Run the undo step, if there is one, and say so in the report. A timeout or a cancellation stays what it was."""
        if manifest.undo is None:
            return report
        undone = await self._step("undo", manifest.undo, files, work, heed_stop=False)
        if undone.exit_code != 0:
            how = "was ended" if undone.exit_code is None else f"failed with exit code {undone.exit_code}"
            return FixReport(report.outcome, 0, report.exit_code, f"{report.text} Undoing it {how} too: look at this machine.")
        outcome: Outcome = report.outcome if report.outcome in ("timed_out", "cancelled") else "undone"
        return FixReport(outcome, 0, report.exit_code, f"{report.text} What it had changed was undone.")

    async def _undo_quietly(self, manifest: ScriptManifest, files: Mapping[str, str], work: Path) -> None:
        if manifest.undo is None:
            return
        try:
            await self._step("undo", manifest.undo, files, work, heed_stop=False, most=LAST_UNDO_SECONDS)
        except (TrustError, Unavailable):
            return  # nobody is there to be told; the audit record of the run stays without its end

    async def _step(
        self, stage: Stage, step: Step, files: Mapping[str, str], work: Path, *, heed_stop: bool = True, most: float = 3600.0
    ) -> StepEnd:
        manifest = self.script.manifest
        self.progress.stage(stage)
        check_files(manifest, files)
        end = await run_guarded(
            render_argv(step, self.values, files),
            environment=script_environment(self.environ, work),
            directory=work,
            seconds=min(step.timeout or manifest.timeout, most),
            max_bytes=manifest.max_output,
            emit=lambda stream, text: self.progress.output(stage, stream, text),
            stop=self.stop if heed_stop else asyncio.Event(),
        )
        self._truncated = self._truncated or end.truncated
        return end


def script_environment(environ: Mapping[str, str], work: Path) -> dict[str, str]:
    """The whole environment of a script: a fixed search path and language, the account's names, the desktop's addresses."""
    account = pwd.getpwuid(os.geteuid())
    return {
        "PATH": SEARCH_PATH,
        "LC_ALL": "C.UTF-8",
        "LANG": "C.UTF-8",
        "HOME": environ.get("HOME") or account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "SHELL": "/bin/sh",
        "TMPDIR": str(work),
        "DEBIAN_FRONTEND": "noninteractive",
        **{name: environ[name] for name in _PASSED_ON if environ.get(name)},
    }


def _unfinished(stage: Stage, end: StepEnd, more: str) -> FixReport:
    """The report of a step that failed or was ended."""
    tail = f" {more}" if more else ""
    if end.timed_out:
        return FixReport("timed_out", 0, None, f"The {stage} step took longer than {end.seconds:.0f} s and was ended.{tail}")
    if end.stopped:
        return FixReport("cancelled", 0, None, f"The {stage} step was stopped.{tail}")
    if end.flooded:
        return FixReport("failed", 0, None, f"The {stage} step printed without end and was ended.{tail}")
    return FixReport("failed", 0, end.exit_code, f"The {stage} step failed with exit code {end.exit_code}.{tail}")
