"""Row 52: what a technician looked at is what runs, although another version was approved meanwhile, or a relay shows them an old
one."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.features.fixes import FixesFeature
from protocol.capabilities import Capability
from protocol.errors import RefusalReason, Unavailable
from protocol.messages.fixes import FixEntry, FixResult, FixRun
from technician_client.operations import list_fixes
from technician_client.organisation.approvals import Script, read_script
from technician_client.published import PublishedLibrary
from technician_client.sessions import Session
from tests.kit.approvers import write_fix
from tests.kit.feature_context import RecordingContext
from tests.kit.founded import Founded
from tests.kit.stage import Stage, stages

__all__ = ["stages"]
FIX = "look-twice"


def script(directory: Path, version: str, effect: Path) -> Script:
    """A fix that leaves a trace."""
    return read_script(write_fix(directory, FIX, version, f"echo {version} >> {effect}\n"))


@pytest.mark.attack(52, without=["shown_fix"])
async def test_a_relay_that_shows_a_technician_the_old_version_has_no_other_one_run(tmp_path: Path) -> None:
    """The technician's mirror stands still; the device has fetched what was approved since."""
    founded, effect = Founded(tmp_path), tmp_path / "effect"
    founded.approve(script(tmp_path / "fix", "1", effect))
    founded.publish(founded.after(minutes=1))
    frozen = founded.mirror()
    frozen.freeze(tmp_path / "frozen")
    founded.approve(script(tmp_path / "fix", "2", effect), wall=founded.after(minutes=2))
    founded.publish(founded.after(minutes=3))
    agent = founded.trust(tmp_path / "agent")
    agent.refresh_blocking(founded.after(minutes=4))
    library = PublishedLibrary(tmp_path / "library", founded.record.tuf_root, frozen)
    shown = library.read(founded.after(minutes=4)).scripts[FIX]
    assert shown.manifest.version == "1"
    context = RecordingContext(tmp_path)
    context.trust = agent
    feature = FixesFeature(context)
    await feature.handle(FixRun(1, FIX, digest=shown.digest))
    result = await context.next(FixResult)
    await context.close(feature)
    assert not effect.exists()
    assert (result.outcome, result.reason, result.version) == ("refused", RefusalReason.CHANGED, "2")
    assert context.asked == []


async def listed(session: Session, version: str) -> FixEntry:
    """The fix as the device lists it, once it is of this version."""
    entries: list[FixEntry] = []

    async def there() -> bool:
        entries[:] = [entry for entry in await list_fixes(session) if entry.id == FIX]
        return [entry.version for entry in entries] == [version]

    async with asyncio.timeout(60):
        while not await there():
            await asyncio.sleep(0.2)  # the signer publishes, the relay tells the agent, the agent fetches: nothing here says so
    return entries[0]


@pytest.mark.attack(52, without=["shown_fix"])
async def test_what_was_approved_while_it_was_looked_at_does_not_run_on_a_real_agent(
    stages: Callable[[str], Stage], without: str, tmp_path: Path
) -> None:
    stage = stages(without)
    effect, secret = tmp_path / "effect", ("--passphrase-file", str(stage.world.passphrase_file))

    async def approve(version: str) -> None:
        source = write_fix(tmp_path / "fix", FIX, version, f"echo {version} >> {effect}\n")
        await asyncio.to_thread(stage.world.handrail, "org", "approve", str(source), "--yes", *secret)

    await approve("1")
    async with stage.person(Capability.DIAGNOSTICS, Capability.FIXES), stage.technician() as client:
        session = await stage.open(client, Capability.DIAGNOSTICS, Capability.FIXES)
        looked_at = await listed(session, "1")
        await approve("2")
        newer = await listed(session, "2")
        results = [await ordered(session, entry.digest) for entry in (looked_at, newer)]
        assert effect.read_text() == "2\n", "only what was looked at has run, once"
        assert (results[0].reason, results[0].digest, results[1].outcome) == (RefusalReason.CHANGED, newer.digest, "done")


async def ordered(session: Session, digest: str) -> FixResult:
    """The end of an order for the fix of that digest."""
    async with session.request(FixRun(session.next_request(), FIX, digest=digest), seconds=60) as answers:
        async for answer in answers:
            if isinstance(answer, FixResult):
                return answer
    raise Unavailable("the session ended first")
