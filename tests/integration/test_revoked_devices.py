"""A device is revoked while a technician is connected to it: real relay, signer, agent and technician. The technician's side ends
the session by itself, in plain words, and opens no other."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.capabilities import Capability
from protocol.errors import TrustError
from tests.kit.stage import Stage
from tests.kit.waiting import eventually_async


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    try:
        yield stage
    finally:
        stage.stop()


async def test_a_session_with_a_revoked_device_is_ended_and_no_other_is_opened(stage: Stage) -> None:
    device, world = stage.device, stage.world
    async with stage.technician() as client, stage.person(Capability.CHAT) as person:
        session = await stage.open(client, Capability.CHAT)
        assert client.identity.timestamp_version > 0  # said in the hello, so that an agent with older files fetches first
        secret = ("--passphrase-file", str(world.passphrase_file))
        await asyncio.to_thread(world.handrail, "org", "revoke", "--device", device, *secret)
        await eventually_async(lambda: session.ended, "the technician's side ends the session")
        assert "was revoked by your organisation" in session.end_text
        questions = len(person.questions)
        with pytest.raises(TrustError, match="was revoked by your organisation"):
            await stage.open(client, Capability.CHAT)
        assert len(person.questions) == questions
    kept = world.directory / "in-process" / "signed_files" / "revoked.json"
    assert kept.exists()
