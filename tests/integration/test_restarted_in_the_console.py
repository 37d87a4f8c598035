"""A restart ordered in the console: the person agrees, the computer goes down and comes back, the session goes on by itself.

The computer's own part is played here: a `systemctl` on the agent's PATH writes down what it is told, and the agent is stopped
and started again as another start of the computer.
"""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.kit.console_page import ConsolePage
from tests.kit.waiting import eventually
from tests.kit.world import World

pytestmark = [pytest.mark.browser]
KIT = Path(__file__).parent.parent / "kit"


def test_the_session_goes_on_by_itself_after_the_restart(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    told, boot, programs = tmp_path / "told", tmp_path / "boot", tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    (programs / "systemctl").chmod(0o755)
    computer = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PYTHONPATH": str(KIT / "another_boot"),
        "HANDRAIL_BOOT": str(boot),
        "HANDRAIL_AGENT_LINK_BACKOFF_FIRST": "0.2",
        "HANDRAIL_AGENT_LINK_BACKOFF_MOST": "1",
    }
    boot.write_text("the first start\n")
    try:
        agent = world.assisted(None, extra=computer)
        world.try_often()
        address = world.start_console()
        person = world.user("attend")
        person.expect("Waiting for technicians")
        with ConsolePage(address, width=1280, height=720) as console:
            page = console.page
            page.get_by_label("Ask to help on Reception PC").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_role("button", name="Choose one by one").click()
            boxes = dialog.get_by_role("checkbox")
            expect(boxes.first).to_be_visible()
            for at in range(boxes.count()):
                boxes.nth(at).uncheck()
            dialog.get_by_role("checkbox", name="restart the computer").check()
            dialog.get_by_role("checkbox", name="come back once").check()
            dialog.get_by_role("button", name="Ask", exact=True).click()
            person.expect(r"Your answer \[y/N\]")
            person.type("y\n")
            person.expect(r"May they restart.*\? \[y/N\]")
            person.type("y\n")
            person.expect(r"restarts\. May they\? \[y/N\]")
            person.type("y\n")
            page.locator(".sessionbar").wait_for()
            page.get_by_role("button", name="More", exact=True).click()
            page.get_by_role("button", name="Restart the computer").click()
            restart = page.get_by_role("dialog", name="Restart the computer")
            expect(restart).to_contain_text("within 15 minutes after the restart")
            restart.get_by_label("Reason").fill("the update needs it")
            restart.get_by_role("button", name="Restart", exact=True).click()
            person.expect("the update needs it")
            expect(restart).to_contain_text("The user is being asked")
            person.expect(r"Allow it\? \[y/N\]")
            person.type("y\n")
            expect(restart).to_contain_text("the computer restarts")
            eventually(lambda: told.exists(), "systemctl is told")
            assert told.read_text() == "--no-ask-password reboot\n"

            agent.stop()
            person.stop()
            expect(page.get_by_text("Waiting for it to come back, for at most 15 minutes")).to_be_visible()
            boot.write_text("the second start\n")
            world.start_agent(None, extra=computer)
            expect(page.get_by_text("The computer is back after its restart")).to_be_visible()
            expect(page.get_by_text("Waiting for it to come back")).to_have_count(0)
            assert console.problems == []
    finally:
        world.stop()
