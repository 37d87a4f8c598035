"""`handrail signer`: runs until it is stopped; one line for everything that happens."""

import asyncio
import signal
from types import FrameType

import click

from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.org_common import ask_passphrase, organisation_home
from technician_client.cli.times import now
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.signer import Signer, open_signer


@click.command()
@passphrase_option
@command_options
@reporting
def signer(app: App) -> None:
    """Run the organisation's signer: answers enrolments, publishes decisions, keeps them fresh.

    It dials out to the relay only. Leave it running on a computer of the organisation; stop it with Ctrl-C.
    """
    home = organisation_home(app)
    home.registered()
    run_signer(app, home, ask_passphrase(app, "Passphrase of the signer"))


def run_signer(app: App, home: OrganisationHome, passphrase: bytes) -> None:
    """Run until SIGTERM or Ctrl-C.

    Raises:
        HandrailError: it cannot start, or cannot go on.
    """

    def tell(text: str) -> None:
        if app.output.as_json:
            app.output.json({"at": now().timestamp(), "text": text})
        else:
            app.output.text(f"{now():%H:%M:%S}  {text}")

    running = Signer(home, open_signer(home, passphrase), app.settings(), tell=tell)
    tell(f"Signer of {home.load().name}. Stop it with Ctrl-C.")
    run_async(_until_stopped(running))
    tell("Stopped.")


async def _until_stopped(running: Signer) -> None:
    task = asyncio.current_task()
    assert task is not None
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    loop = asyncio.get_running_loop()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        await running.run()
    except asyncio.CancelledError:
        if not stopped:
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
