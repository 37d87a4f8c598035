"""The first minute, whole: nothing runs but the relay and the signer; the person starts the desktop side and asks for help."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from protocol.capabilities import Capability
from protocol.messages.chat import ChatMessage
from technician_client.identity import unlock
from technician_client.link import RelayClient
from technician_client.sessions import Progress, Session, Stage
from technician_client.settings import Settings
from tests.kit.processes import descendants
from tests.kit.user_desktop import user_desktop
from tests.kit.waiting import eventually_async
from tests.kit.world import World

pytestmark = [pytest.mark.display, pytest.mark.timeout(180)]
BUTTON = "push button"
WANTED = [Capability.VIEW, Capability.CHAT, Capability.CONTROL]


@asynccontextmanager
async def technician(world: World) -> AsyncIterator[RelayClient]:
    keys = unlock(world.home / "identity", passphrase_file=world.passphrase_file)
    async with RelayClient(keys, Settings(home=world.directory / "in-process", end_seconds=1.0)) as client:
        yield client


async def test_from_a_press_on_get_help_to_a_rated_receipt(founded_world: World, tmp_path: Path) -> None:
    world = founded_world
    progress: list[Progress] = []
    async with user_desktop(tmp_path / "logs") as user:
        process = user.start(world.agent_home, "--get-help", env=world.environment)
        await user.usable("Get a code", role=BUTTON, window="Get help", seconds=60)
        await user.click("What is wrong?", role="text")
        user.type("the printer does not print")
        user.key("Return")
        code = (await user.see("Code ", window="Get help")).name
        async with technician(world) as client:
            digits = "".join(letter for letter in code if letter.isdigit())
            opening = asyncio.get_running_loop().create_task(
                Session.open(client, code=digits, wanted=WANTED, reason="Let me see", on_progress=progress.append)
            )
            number = await user.see("Compare this number: ")
            await user.see("“Let me see”")
            sas = next(one.sas for one in progress if one.stage is Stage.CONSENT)
            assert "".join(letter for letter in number.name if letter.isdigit()) == sas
            await user.click("Watch", role=BUTTON)
            session = await opening
            assert session.granted == {Capability.VIEW, Capability.CHAT}
            await user.see("They can see your screen and chat with you.")
            assert not await user.look(window="Get help")

            with session.subscribe(ChatMessage) as heard:
                session.send(ChatMessage("Is it switched on?"))
                await user.see("Is it switched on?")
                await user.click("Write to Ana Ruiz", role="text")
                user.type("yes")
                user.key("Return")
                async with asyncio.timeout(10):
                    said = await anext(aiter(heard))
                assert isinstance(said, ChatMessage)
                assert said.text == "yes"
                user.picture("session")
            await user.click("Stop", role=BUTTON, window="Connected")
            await eventually_async(lambda: session.ended is not None, "the session ends")

        await user.see("Ana Ruiz helped on this computer")
        await user.click("5 stars")
        await user.click("A comment", role="text")
        user.type("quick and kind")
        await user.click("Keep this rating", role=BUTTON)
        await user.see("Thank you")
        user.picture("receipt-rated")
        (rating,) = (world.agent_home / "receipts").glob("*.rating.json")
        assert json.loads(rating.read_text())["comment"] == "quick and kind"
        assert json.loads(rating.read_text())["stars"] == 5

        started = descendants(process.pid)
        assert len(started) > 1, "the desktop side runs an agent of its own"
        process.popen.terminate()
        assert await asyncio.to_thread(process.popen.wait, 15) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in started), "and ends it"
