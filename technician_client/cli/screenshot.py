"""`handrail screenshot`: one exact picture of a device's display."""

from pathlib import Path

import click

from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.connect import take_screenshot
from technician_client.cli.names import complete_device


@click.command(
    epilog="\b\nExamples:\n  handrail screenshot till-3\n  handrail screenshot till-3 -o before.png\n"
    "  handrail screenshot 482 913 507 --reason 'for the ticket'"
)
@click.argument("words", nargs=-1, required=True, metavar="CODE|DEVICE", shell_complete=complete_device)
@click.option(
    "-o", "--output", "file", type=click.Path(path_type=Path, dir_okay=False), help="The PNG file (default: DEVICE.png here)."
)
@click.option("--reason", default="", help="One line that the person there reads before answering.")
@passphrase_option
@command_options
@reporting
def screenshot(app: App, words: tuple[str, ...], file: Path | None, reason: str) -> None:
    """Write one picture of the display, pixel for pixel, to a PNG file. The person there is asked, as for any session."""
    said = " ".join(words)
    plain = "".join(character if character.isalnum() or character in "-_." else "-" for character in said)
    run_async(take_screenshot(app, said, reason, file or Path(f"{plain.strip('.-') or 'screenshot'}.png")))
