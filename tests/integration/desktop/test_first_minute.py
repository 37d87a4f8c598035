"""The first minute, whole: nothing runs but the relay and the signer; the person starts the desktop side, reads an article of
their organisation's and asks for help all the same."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from protocol.capabilities import Capability
from protocol.messages.chat import ChatMessage
from technician_client.clipboards import get_clipboard
from technician_client.identity import unlock
from technician_client.link import RelayClient
from technician_client.sessions import Progress, Session, Stage
from technician_client.settings import Settings
from tests.kit.processes import descendants
from tests.kit.scripts import living
from tests.kit.user_desktop import UserDesktop, user_desktop
from tests.kit.waiting import PATIENCE, eventually_async
from tests.kit.world import World

pytestmark = [pytest.mark.display]
BUTTON = "push button"
WANTED = [Capability.VIEW, Capability.CHAT, Capability.CONTROL]


@asynccontextmanager
async def technician(world: World) -> AsyncIterator[RelayClient]:
    keys = unlock(world.home / "identity", passphrase_file=world.passphrase_file)
    async with RelayClient(keys, Settings(home=world.directory / "in-process", end_seconds=1.0)) as client:
        yield client


ARTICLE = "# The printer does not print\nWords: printer, Drucker\n\nIs it switched on?\n- Open the <b>lid</b>.\n"


def code_copied(name: str) -> str:
    """What *Copy* puts on the clipboard: the code in groups of three."""
    digits = "".join(letter for letter in name if letter.isdigit())
    return " ".join(digits[at : at + 3] for at in range(0, 9, 3))


async def published(world: World, tmp_path: Path) -> None:
    """An article, signed and served by the relay."""
    file = tmp_path / "printer.md"
    file.write_text(ARTICLE)
    argv = ("org", "article", "add", str(file), "--passphrase-file", str(world.passphrase_file))
    assert "offered for: printer" in await asyncio.to_thread(world.handrail, *argv)


async def offered(user: UserDesktop, title: str) -> None:
    """Until the article that fits shows: the agent may still be fetching it while one types."""
    end = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < end:
        typed = time.monotonic()
        while time.monotonic() < typed + 4:  # longer than it takes to be offered what fits what was typed
            if await user.look(title, role=BUTTON):
                return
            await asyncio.sleep(0.1)
        user.key("space")  # whoever types on is offered what fits then
    raise AssertionError(f"{title!r} is not offered\n{await user.described()}")


async def test_from_a_press_on_get_help_to_a_rated_receipt(founded_world: World, tmp_path: Path) -> None:
    world = founded_world
    await published(world, tmp_path)
    progress: list[Progress] = []
    async with user_desktop(tmp_path / "logs") as user:
        process = user.start(world.agent_home, "--get-help", env=world.environment)
        await user.usable("Get a code", role=BUTTON, window="Get help")
        await user.write("What is wrong?", "the printer does not print")
        await offered(user, "The printer does not print")
        await eventually_async(lambda: any("1 article may help" in words for words in user.reader.announced), "it is said")
        user.picture("articles")
        await user.click("The printer does not print", role=BUTTON)
        await user.see("• Open the <b>lid</b>.", window="Get help")
        user.picture("article")
        await user.click("I still need help", role=BUTTON)
        code = (await user.see("Code ", window="Get help")).name
        await user.click("Copy", role=BUTTON, window="Get help")
        async with technician(world) as client:
            digits = "".join(letter for letter in code if letter.isdigit())
            opening = asyncio.get_running_loop().create_task(
                Session.open(client, code=digits, wanted=WANTED, reason="Let me see", on_progress=progress.append)
            )
            number = await user.see("Compare this number: ")
            await user.see("“Let me see”")
            await eventually_async(lambda: [one for one in progress if one.stage is Stage.CONSENT], "the technician waits")
            sas = next(one.sas for one in progress if one.stage is Stage.CONSENT)
            assert "".join(letter for letter in number.name if letter.isdigit()) == sas
            await user.click("Watch", role=BUTTON)
            session = await opening
            assert session.granted == {Capability.VIEW, Capability.CHAT}
            await user.see("They can see your screen and chat with you.")
            await user.vanishes("", window="Get help")

            with session.subscribe(ChatMessage) as heard:
                session.send(ChatMessage("Is it switched on?"))
                await user.see("Is it switched on?")
                await user.write("Write to Ana Ruiz", "yes")
                user.key("Return")
                async with asyncio.timeout(60):
                    said = await anext(aiter(heard))
                assert isinstance(said, ChatMessage)
                assert said.text == "yes"
                user.picture("session")
            asked = asyncio.get_running_loop().create_task(session.ask(Capability.CLIPBOARD_OUT, "to read the error"))
            await user.click("Allow this", role=BUTTON)
            assert await asked
            assert await get_clipboard(session, "text") == code_copied(code).encode()
            await user.see("Ana Ruiz read your clipboard", window="Connected")
            await eventually_async(lambda: "Ana Ruiz read your clipboard" in user.reader.announced, "it is said")
            await user.click("Earlier", role=BUTTON, window="Connected")
            await user.see("Ana Ruiz can now read your clipboard", window="Connected")
            user.picture("clipboard-read")
            await user.click("Stop", role=BUTTON, window="Connected")
            await eventually_async(lambda: session.ended is not None, "the session ends")

        await user.see("Ana Ruiz helped on this computer")
        await user.see("Your clipboard was read")
        await user.click("5 stars")
        await user.write("A comment", "quick and kind")
        await user.click("Keep this rating", role=BUTTON)
        await user.see("Thank you")
        user.picture("receipt-rated")
        (rating,) = (world.agent_home / "receipts").glob("*.rating.json")
        assert json.loads(rating.read_text())["comment"] == "quick and kind"
        assert json.loads(rating.read_text())["stars"] == 5

        started = descendants(process.pid)
        assert len(started) > 1, "the desktop side runs an agent of its own"
        process.popen.terminate()
        assert await asyncio.to_thread(process.wait) == 0
        await eventually_async(lambda: not any(map(living, started)), "and ends it")
