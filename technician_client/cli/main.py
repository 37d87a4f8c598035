"""`handrail`: the technician's and the organisation's command. Commands are imported when they are called."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from hostio.exit_codes import ExitCode, exit_code_table
from protocol.version import PRODUCT
from technician_client.cli.app import App, set_up_logging
from technician_client.cli.exit_codes import MEANINGS
from technician_client.cli.output import Output

# Command name -> where it is, and its line in the list of commands (so that the list needs no imports).
COMMANDS: dict[str, tuple[str, str]] = {
    "devices": ("technician_client.cli.devices:devices", "List the organisation's devices."),
    "connect": ("technician_client.cli.connect:connect", "Help somebody: open a session by code or device."),
    "shell": ("technician_client.cli.shell:shell", "Work in a terminal on a device."),
    "forward": ("technician_client.cli.forward:forward", "Reach services of a device at ports here."),
    "logs": ("technician_client.cli.logs:logs", "Follow the log of a device."),
    "chat": ("technician_client.cli.chat:chat", "Talk with somebody at a device, line by line."),
    "screenshot": ("technician_client.cli.screenshot:screenshot", "Write one exact picture of a device's display."),
    "receipts": ("technician_client.cli.receipts:receipts", "Show and export what is kept of past sessions."),
    "recordings": ("technician_client.cli.recordings:recordings", "List, export and remove recordings of sessions."),
    "diagnose": ("technician_client.cli.diagnose:diagnose", "Read what state devices are in."),
    "fixes": ("technician_client.cli.fix:fixes", "List the approved fixes of a device."),
    "fix": ("technician_client.cli.fix:fix", "Run an approved fix and see whether it worked."),
    "files": ("technician_client.cli.files:files", "Take files from a device, or put files there."),
    "console": ("technician_client.cli.console:console", "Serve the console to a browser on this computer."),
    "audit": ("technician_client.cli.audit:audit", "Check what devices recorded against what was witnessed."),
    "whoami": ("technician_client.cli.whoami:whoami", "Show this technician's identity."),
    "join": ("technician_client.cli.join:join", "Become a technician with a bundle from your administrator."),
    "org": ("technician_client.cli.org:org", "Set up and run an organisation."),
    "signer": ("technician_client.cli.signer:signer", "Run the organisation's signer."),
    "completion": ("technician_client.cli.completion:completion", "Let a shell complete commands and options."),
    "quickstart": ("technician_client.cli.quickstart:quickstart", "An organisation of one, in one command."),
}

EPILOG = f"""\b
Examples:
  handrail devices
  handrail connect 482 913 507
  handrail connect till-3
  handrail diagnose --all --json
  handrail fix till-3 flush-dns

\b
Exit codes:
{exit_code_table(MEANINGS)}
"""


class LazyGroup(click.Group):
    """A group whose commands are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import the command, or None when there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, whose own suggestions for a misspelt command know only those that were imported."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="HANDRAIL_HOME",
    help="Where identity and organisation lie (default: the user's data directory).",
)
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout instead of words and tables.")
@click.option("-v", "--verbose", count=True, help="Logs on stderr; twice for everything.")
@click.version_option(PRODUCT, prog_name="handrail")
@click.pass_context
def cli(context: click.Context, home: Path | None, as_json: bool, verbose: int) -> None:
    """Handrail: something to hold on to while someone helps you.

    Look after the computers of your own organisation through a relay that cannot read a session.
    """
    set_up_logging(verbose)
    if context.obj is None:
        context.obj = App(home, Output(as_json=as_json))
    elif as_json:
        context.obj.output.as_json = True


def run(arguments: Sequence[str] | None = None, app: App | None = None) -> int:
    """Run one command line (None: this process's) and return its exit code. `app` stands in for the one the options make."""
    try:
        result = cli.main(arguments, prog_name="handrail", standalone_mode=False, obj=app)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("handrail: interrupted", err=True)
        return ExitCode.INTERRUPTED
    return result if isinstance(result, int) else ExitCode.OK


def main() -> None:
    """Entry point of the `handrail` command."""
    sys.exit(run())


if __name__ == "__main__":
    main()
