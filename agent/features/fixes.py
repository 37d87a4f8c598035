"""Fixes for a technician: what there is, running one with consent, and the proof that it worked.

The message names a script, the digest of what the technician saw of it, and values, nothing more. Which bytes that is, who may
run it and what its parameters may be stands in the organisation's signed files, which the agent has verified by itself.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from agent.diagnostics.collect import Collector
from agent.diagnostics.findings import tables_for
from agent.diagnostics.probe import Threads
from agent.diagnostics.probes import all_probes
from agent.diagnostics.rules import RULES
from agent.features.base import Feature, FeatureContext, Question
from agent.features.diagnostics import make_environment, snapshot
from agent.fixes.output import Stream
from agent.fixes.run import FixReport, FixRun, Progress, Stage
from agent.fixes.verify import Circumstances, check_run, check_shown, objection
from agent.trust import VerifiedScript
from hostio.tasks import Supervisor
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Refused, TrustError, Unavailable
from protocol.manifests import ScriptManifest
from protocol.messages import Message
from protocol.messages.diagnostics import Finding
from protocol.messages.fixes import FixCancel, FixCatalogue, FixList, FixOutput, FixResult, FixStage
from protocol.messages.fixes import FixRun as FixRunMessage

AnyStage = Stage | Literal["verify_signature", "consent", "findings"]
LOCK = "fix.lock"


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Hold the lock that lets one fix run on this machine, whichever session asked for it. The kernel lets go of it when the
    agent dies.

    Raises:
        Refused: BUSY, another one runs.
        Unavailable: the lock cannot be made.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Unavailable(f"{path} cannot be made: {error.strerror or error}.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                "Another fix is running on this machine. Wait for its end, or cancel it.", reason=RefusalReason.BUSY
            ) from error
        yield
    finally:
        os.close(handle)


class FixesFeature(Feature):
    """Answers `FixList`, `FixRun` and `FixCancel`."""

    handles: ClassVar = (FixList, FixRunMessage, FixCancel)

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context)
        self._collector = Collector(all_probes())
        self._threads = Threads()
        self._stops: dict[int, asyncio.Event] = {}

    async def handle(self, message: Message) -> None:
        """See `Feature.handle`."""
        match message:
            case FixList():
                self.context.send(self._catalogue(message))
            case FixRunMessage():
                if message.request in self._stops:
                    raise Refused("This request number is in use by a fix that runs.", reason=RefusalReason.INVALID)
                self._stops[message.request] = asyncio.Event()
                _ = self.context.spawn(self._run(message), f"fix {message.id}")
            case FixCancel():
                stop = self._stops.get(message.request)
                if stop is None:
                    raise Refused("No fix runs under this number; it may have ended.", reason=RefusalReason.NOT_FOUND)
                stop.set()
            case _:
                raise AssertionError(f"not a message of this feature: {type(message).__name__}")

    def capability_lost(self, capability: Capability) -> None:
        """What runs is stopped and undone when the permission goes."""
        if capability is Capability.FIXES:
            for stop in self._stops.values():
                stop.set()

    def _circumstances(self) -> Circumstances:
        return Circumstances(self.context.tier, os.geteuid() == 0, self.context.settings.fixes.enabled)

    def _catalogue(self, message: FixList) -> FixCatalogue:
        circumstances = self._circumstances()
        entries = []
        for script in self.context.trust.scripts()[:500]:
            why = objection(script.manifest, circumstances)
            why_not = "" if why is None else why[1][:200]
            entries.append(script.manifest.entry(script.digest, available=why is None, why_not=why_not))
        return FixCatalogue(request=message.request, fixes=entries)

    def _newest(self, identifier: str) -> VerifiedScript:
        """The script of that id that is approved now.

        Raises:
            Refused: NOT_FOUND.
        """
        script = self.context.trust.script(identifier)
        if script is None:
            raise Refused(
                f"This machine knows no approved fix {identifier!r}. `fixes` lists what there is.", reason=RefusalReason.NOT_FOUND
            )
        return script

    async def _run(self, message: FixRunMessage) -> None:
        started = time.monotonic()
        script: VerifiedScript | None = None
        try:
            self._stage(message, "verify_signature")
            script = self._newest(message.id)
            check_shown(script, message.digest)
            values = check_run(script.manifest, message.parameters, self._circumstances())
            with one_at_a_time(self.context.settings.home / LOCK):
                await self._consent(message, script.manifest, values)
                script = self._newest(message.id)  # another may have been approved, or none be, while the person was asked
                check_shown(script, message.digest)
                self.context.audit("fix started", _named(script) | {"parameters": _written(values)})
                try:
                    result = await self._prove(message, script, values, started)
                except asyncio.CancelledError:
                    self._record_end(script, "cancelled")
                    raise
            if not self._record_end(script, result.outcome):
                result = msgspec.structs.replace(result, text=f"{result.text} Its end could not be written to the audit record.")
            self.context.send(result)
        except Refused as error:
            self.context.send(_refused(message, script, started, error.reason, str(error)))
        except TrustError as error:
            self.context.send(_refused(message, script, started, RefusalReason.UNTRUSTED, str(error)))
        except Unavailable as error:
            self.context.send(_failed(message, script, started, str(error)))
        finally:
            self._stops.pop(message.request, None)

    async def _consent(self, message: FixRunMessage, manifest: ScriptManifest, values: dict[str, str]) -> None:
        """Ask the person here where manifest or policy want it.

        A manifest that leaves it to policy is answered by policy: an unattended session exists only where policy lists `fixes`
        for it, an attended one asks unless policy waives that. A manifest that says "ask" is always put to a person.

        Raises:
            Refused: they said no, nobody is there, or the technician took it back meanwhile.
        """
        if manifest.consent == "policy" and (self.context.unattended or not self.context.rules.consent_for_fixes):
            return
        self._stage(message, "consent")
        question = Question(
            title=f"Run this fix? {manifest.title}",
            # Its line breaks are those of a file; whoever shows the question wraps it anew.
            text=" ".join((manifest.description or manifest.title).split()),
            details=(*manifest.effects, *(f"{name}: {value}" for name, value in values.items())),
            words="fix",
            values={"title": manifest.title},
        )
        agreed = await self._ask(question, self._stops[message.request])
        if not agreed and self.context.unattended:
            raise Refused(
                f"{manifest.id} is put to the person at the computer before every run, and nobody there agreed. A version of "
                'it with consent = "policy" can run without them.',
                reason=RefusalReason.NOBODY_TO_ASK,
            )
        if not agreed:
            raise Refused("The person at the computer did not agree to this fix.", reason=RefusalReason.DENIED_BY_USER)
        if not self.context.granted(Capability.FIXES):
            raise Refused("Running fixes is not granted any more.", reason=RefusalReason.NOT_GRANTED)

    async def _ask(self, question: Question, stop: asyncio.Event) -> bool:
        """Put a question to the person here, for as long as `stop` is not set.

        Raises:
            Refused: it was set before they had answered.
        """
        asking = asyncio.timeout(None)

        async def heed() -> None:
            await stop.wait()
            asking.reschedule(asyncio.get_running_loop().time())

        async with Supervisor() as tasks:
            _ = tasks.spawn(heed(), "waiting for a stop")
            try:
                async with asking:
                    return await self.context.ask_user(question)
            except TimeoutError as error:
                if not asking.expired():
                    raise
                text = "It was cancelled before the person at the computer had answered."
                raise Refused(text, reason=RefusalReason.NO_ANSWER) from error

    async def _prove(self, message: FixRunMessage, script: VerifiedScript, values: dict[str, str], started: float) -> FixResult:
        """Findings, the run, findings again."""
        before = await self._findings(message, script.manifest)
        run = FixRun(
            script,
            values,
            Progress(
                stage=lambda stage: self._stage(message, stage),
                output=lambda stage, stream, text: self._output(message, stage, stream, text),
            ),
            os.environ,
            self._stops[message.request],
        )
        report: FixReport = await run.run()
        after = await self._findings(message, script.manifest)
        return FixResult(
            request=message.request,
            id=message.id,
            version=script.manifest.version,
            outcome=report.outcome,
            duration_ms=_since(started),
            exit_code=report.exit_code,
            text=report.text,
            truncated=report.truncated,
            before=before,
            after=after,
            digest=script.digest,
        )

    async def _findings(self, message: FixRunMessage, manifest: ScriptManifest) -> list[Finding]:
        """The findings that this script answers, taken now; only the tables they need are collected."""
        wanted = {*manifest.answers, message.finding} - {""}
        tables = list(dict.fromkeys(table for finding in sorted(wanted) for table in tables_for(finding, RULES)))
        if not tables:
            return []
        self._stage(message, "findings")
        _, findings = await snapshot(self._collector, make_environment(self.context, self._threads), tables)
        return [finding for finding in findings if finding.id in wanted]

    def _record_end(self, script: VerifiedScript, outcome: str) -> bool:
        """Write how it ended. A record that cannot be written must not hide a result: it has happened."""
        try:
            self.context.audit("fix ended", _named(script) | {"outcome": outcome})
        except Unavailable:
            return False
        return True

    def _stage(self, message: FixRunMessage, stage: AnyStage) -> None:
        self.context.send(FixStage(request=message.request, stage=stage))

    def _output(self, message: FixRunMessage, stage: Stage, stream: Stream, text: str) -> None:
        self.context.send(FixOutput(request=message.request, stage=stage, stream=stream, text=text))


def _named(script: VerifiedScript) -> dict[str, str | int | bool]:
    """A script as records name it."""
    return {"id": script.manifest.id, "version": script.manifest.version, "digest": script.digest}


def _refused(
    message: FixRunMessage, script: VerifiedScript | None, started: float, reason: RefusalReason, text: str
) -> FixResult:
    result = _failed(message, script, started, text)
    return msgspec.structs.replace(result, outcome="refused", reason=reason)


def _failed(message: FixRunMessage, script: VerifiedScript | None, started: float, text: str) -> FixResult:
    return FixResult(
        request=message.request,
        id=message.id,
        version="" if script is None else script.manifest.version,
        outcome="failed",
        duration_ms=_since(started),
        text=text,
        digest="" if script is None else script.digest,
    )


def _since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


def _written(values: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())[:500]
