"""The `handrail-agent` commands: join an organisation, run, ask for help, attend, look, stop."""

import asyncio
import json
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from click.shell_completion import get_completion_class

from agent.attending import Attendant
from agent.audit_cli import audit
from agent.command_words import KEY, Spoken, language_option
from agent.desktop.entry import install as install_entries_of
from agent.desktop.entry import remove as remove_entries
from agent.desktop.launch import launch
from agent.desktop.texts import LANGUAGES, Texts
from agent.errors import MEANINGS, exit_code_of
from agent.local import LocalClient
from agent.local_messages import AskStatus, StatusReply, StopSession
from agent.reaching import with_daemon
from agent.rules_cli import rules
from agent.settings import AgentSettings, default_home, load_settings
from agent.status import AgentStatus
from agent.status_page import page as status_page
from agent.steps import steps
from hostio.exit_codes import ExitCode, exit_code_table
from protocol.errors import HandrailError
from protocol.printable import printable
from protocol.version import PRODUCT

if TYPE_CHECKING:
    from agent.daemon import Daemon


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        document = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


def configure_logging(settings: AgentSettings, *, quiet: bool = False) -> None:
    """Log to standard error as the settings say; `quiet`: faults of ours only, for commands that talk to a person."""
    handler = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s")
    handler.setFormatter(JsonFormatter() if settings.log.format == "json" else plain)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    level = logging.CRITICAL if quiet else logging.getLevelNamesMapping()[settings.log.level.upper()]
    logging.getLogger("agent").setLevel(level)
    # What websockets has to say about a connection that ends, the link says in one line.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    # tuf reports every fetch; failures reach the status and the log through agent.trust.
    logging.getLogger("tuf").setLevel(logging.CRITICAL)


EPILOG = f"""\b
Examples:
  handrail-agent enrol devices.handrail
  handrail-agent ask "the printer does not print"
  handrail-agent status

\b
Exit codes:
{exit_code_table(MEANINGS)}
"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(PRODUCT, prog_name="handrail-agent")
@click.option(
    "--home", type=click.Path(path_type=Path), help="The agent's home (default: HANDRAIL_AGENT_HOME, or your data directory)."
)
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """The assisted side: lets people of your organisation help you, and nobody else."""
    context.meta[KEY] = context.obj if isinstance(context.obj, Spoken) else Spoken(os.environ)
    context.obj = load_settings(home if home is not None else default_home(os.environ), os.environ)


@cli.command("enrol")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--label", default="", help="The name this computer goes by (default: its host name).")
@click.option("--new-keys", is_flag=True, help="Begin with new keys, as a new device, even if this computer is enrolled.")
@language_option
@click.pass_obj
def enrol_command(settings: AgentSettings, bundle: Path, label: str, new_keys: bool, texts: Texts) -> None:
    """Make this computer a device of your organisation, with the BUNDLE file your administrator gave you."""
    from agent.serving import enrol_here  # see there why not at the top

    with steps() as tell:
        device = enrol_here(settings, bundle, label, _wall, lambda text: tell(texts.told(text)), new_keys=new_keys)
    names = {"label": printable(device.label), "organisation": printable(device.organisation_name), "group": device.group}
    click.echo(texts("enrol.this", **names))
    click.echo(texts("enrol.next"))


@cli.command("run")
@click.pass_obj
def run_command(settings: AgentSettings) -> None:
    """Run the agent until it is told to stop (SIGTERM or Ctrl-C)."""
    configure_logging(settings)
    asyncio.run(_run(settings))


@cli.command("ask")
@click.argument("text", default="")
@language_option
@click.pass_obj
def ask_command(settings: AgentSettings, text: str, texts: Texts) -> None:
    """Ask for help: shows a code to read to your technician, then asks you what they may do. TEXT says what is wrong."""
    configure_logging(settings, quiet=True)
    sys.exit(asyncio.run(_attend(settings, text[:500], texts)))


@cli.command("guest")
@click.argument("seed", type=click.Path(path_type=Path))
@click.argument("text", default="")
@language_option
@click.pass_obj
def guest_command(settings: AgentSettings, seed: Path, text: str, texts: Texts) -> None:
    """Get help on a computer that is not enrolled, from the organisation whose SEED file you were given. TEXT says what is wrong.

    Shows a code to read to your technician, asks you what they may do, and leaves nothing behind.
    """
    from agent.guest_cli import run_guest  # it serves: see agent.serving

    configure_logging(settings, quiet=True)
    sys.exit(run_guest(seed, text[:500], os.environ, _wall, texts))


@cli.command("attend")
@language_option
@click.pass_obj
def attend_command(settings: AgentSettings, texts: Texts) -> None:
    """Stay here to answer technicians who ask to help without a code, and show who is connected."""
    configure_logging(settings, quiet=True)
    sys.exit(asyncio.run(_attend(settings, None, texts)))


@cli.command("desktop")
@click.option("--get-help", is_flag=True, help="Open the window that asks for help.")
@click.option("--theme", type=click.Choice(("auto", "dark", "light")), default="auto", help="Colours (default: the desktop's).")
@click.option("--language", type=click.Choice(LANGUAGES), help="Language of the windows (default: the desktop's).")
@click.option("--install", "install_entries", is_flag=True, help="Put it into your desktop's menu and start it at every login.")
@click.option("--uninstall", is_flag=True, help="Take it out of both again.")
@click.pass_obj
def desktop_command(
    settings: AgentSettings, get_help: bool, theme: str, language: str | None, install_entries: bool, uninstall: bool
) -> None:
    """Show the tray icon and the windows that ask you, for as long as you are logged in."""
    if install_entries or uninstall:
        texts = Texts(language) if language else Spoken(os.environ).texts
        _desktop_entries(settings, texts, away=uninstall)
        return
    options = ["--theme", theme, *(["--language", language] if language else []), *(["--get-help"] if get_help else [])]
    launch(settings.home, options, identity=settings.identity)


def _desktop_entries(settings: AgentSettings, texts: Texts, *, away: bool) -> None:
    argv = [str(Path(sys.argv[0]).resolve()), "--home", str(settings.home.resolve()), "desktop"]
    for path in remove_entries(os.environ) if away else install_entries_of(argv, os.environ):
        click.echo(texts("command.removed" if away else "command.wrote", path=path))


@cli.command("status")
@language_option
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def status_command(settings: AgentSettings, as_json: bool, texts: Texts) -> None:
    """Show what the running agent is doing."""
    status = asyncio.run(_status(settings))
    if as_json:
        click.echo(msgspec.json.encode(status).decode())
    else:
        for line in status_page(status, _wall().timestamp(), texts):
            click.echo(line)


@cli.command("stop")
@click.argument("session", default="")
@language_option
@click.pass_obj
def stop_command(settings: AgentSettings, session: str, texts: Texts) -> None:
    """End SESSION, or every session. The agent itself keeps running."""

    async def stop() -> None:
        async with LocalClient.connected(settings.socket) as client:
            await client.request(lambda number: StopSession(number, session))

    asyncio.run(stop())
    click.echo(texts("command.ended"))


cli.add_command(audit)
cli.add_command(rules)


def _wall() -> datetime:
    return datetime.now(UTC)


def _daemon(settings: AgentSettings) -> "Daemon":
    from agent.serving import make_daemon  # see there why not at the top

    return make_daemon(settings, _wall)


async def _run(settings: AgentSettings) -> None:
    daemon = _daemon(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop)
    await daemon.run()


async def _attend(settings: AgentSettings, asking: str | None, texts: Texts) -> ExitCode:
    return await with_daemon(
        lambda: _converse(settings, asking, texts),
        lambda: _daemon(settings),
        waiting=lambda: click.echo(texts("terminal.starting")),
    )


async def _converse(settings: AgentSettings, asking: str | None, texts: Texts) -> ExitCode:
    async with LocalClient.connected(settings.socket) as client:
        return await Attendant(client, lambda text: click.echo(text, nl=False), asking=asking, texts=texts).run()


async def _status(settings: AgentSettings) -> AgentStatus:
    async with LocalClient.connected(settings.socket) as client:
        reply = await client.request(AskStatus)
        assert isinstance(reply, StatusReply)
        return reply.status


@cli.command(
    epilog="\b\nExamples:\n  handrail-agent completion bash > ~/.local/share/bash-completion/completions/handrail-agent\n"
    "  handrail-agent completion zsh  > ~/.zfunc/_handrail-agent\n"
    "  handrail-agent completion fish > ~/.config/fish/completions/handrail-agent.fish"
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print what SHELL needs to complete the commands and options of handrail-agent."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "handrail-agent", "_HANDRAIL_AGENT_COMPLETE").source())


def main() -> None:
    """The entry point: every documented error becomes one sentence, in the language of the run, and an exit code."""
    code, spoken = ExitCode.OK, Spoken(os.environ)
    try:
        cli.main(standalone_mode=False, obj=spoken)
    except* click.ClickException as group:
        for error in _leaves(group):
            assert isinstance(error, click.ClickException)
            error.show()
        code = ExitCode.USAGE
    except* (click.Abort, KeyboardInterrupt):
        code = ExitCode.INTERRUPTED
    except* HandrailError as group:
        for error in _leaves(group):
            assert isinstance(error, HandrailError)
            click.echo(f"handrail-agent: {spoken.texts.told(str(error))}", err=True)
            code = exit_code_of(error)
    sys.exit(code)


def _leaves(group: BaseExceptionGroup[Exception]) -> list[Exception]:
    """The errors of a group of groups, in order."""
    return [leaf for error in group.exceptions for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])]
