"""The rules at a terminal."""

import asyncio
from pathlib import Path

from click.testing import CliRunner

from agent.consent import ConsentBroker
from agent.desktop.texts import Texts
from agent.front_desk import FrontDesk
from agent.local import LocalServer
from agent.rules_cli import page, rules
from agent.settings import AgentSettings
from agent.status import StatusBoard
from tests.kit.desk import CONNECTED
from tests.unit.agent.desktop.test_allowed_model import allowed


def test_the_page_says_what_the_window_says() -> None:
    lines = list(page(allowed(), Texts("en")))
    assert "    - Ana Ruiz (tier 2)" in lines
    assert "ONLY IF YOU SAY YES" in lines


async def test_it_asks_the_agent_that_runs(tmp_path: Path) -> None:
    board = StatusBoard(device="d", label="Till 3", organisation="Example", certificate_until=0.0, relay=CONNECTED)
    desk = FrontDesk(ConsentBroker(), board, sessions=list, send=lambda _: None, allowed=allowed)
    settings = AgentSettings(home=tmp_path)
    async with LocalServer(settings.socket, desk).serving():
        for options, words in ((["--language", "de"], "OHNE SIE ZU FRAGEN"), (["--json"], '"group":"front"')):
            told = await asyncio.to_thread(CliRunner().invoke, rules, options, obj=settings)
            assert words in told.output, told.output
