"""`handrail-agent rules`: the organisation's rules for this computer, in the words of the window that shows them."""

import asyncio
from collections.abc import Iterator

import click
import msgspec

from agent.allowed import AllowedHere
from agent.command_words import language_option
from agent.desktop.allowed_model import rules_of
from agent.desktop.texts import Texts
from agent.local import LocalClient
from agent.local_messages import AllowedReply, AskAllowed
from agent.settings import AgentSettings


def page(allowed: AllowedHere, texts: Texts) -> Iterator[str]:
    """The lines."""
    shown = rules_of(allowed, texts)
    yield f"{shown.about} {shown.age}".strip()
    for section in shown.sections:
        yield ""
        yield section.heading.upper()
        if section.first:
            yield f"  {section.first}"
        yield from (f"    - {point}" for point in section.points)
        yield from (f"  {line}" for line in section.more)


@click.command("rules")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def rules(settings: AgentSettings, texts: Texts, as_json: bool) -> None:
    """Show what may be done on this computer: who may ask, what goes without asking, what is recorded, and the approved fixes."""
    allowed = asyncio.run(_ask(settings))
    if as_json:
        click.echo(msgspec.json.encode(allowed).decode())
        return
    for line in page(allowed, texts):
        click.echo(line)


async def _ask(settings: AgentSettings) -> AllowedHere:
    async with LocalClient.connected(settings.socket) as client:
        reply = await client.request(AskAllowed)
        assert isinstance(reply, AllowedReply)
        return reply.allowed
