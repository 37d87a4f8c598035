"""Which devices a command is about: one by name, a group, or all; and what it says while a session opens."""

from collections.abc import Callable, Sequence

import click

from protocol.errors import HandrailError
from protocol.link_messages import DeviceRow
from technician_client.addressing import find_device
from technician_client.cli.output import Output
from technician_client.fleet import demand_devices, select_group, select_online
from technician_client.known import KnownDevices
from technician_client.link import RelayClient
from technician_client.sessions import Progress, Stage


def grouped_sas(sas: str) -> str:
    """Six digits as people read them: "482 913"."""
    return f"{sas[:3]} {sas[3:]}"


def fleet_options(function: Callable[..., None]) -> Callable[..., None]:
    """`--group`, `--all` and `--concurrency`, for commands that work on many devices."""
    function = click.option(
        "--concurrency", type=click.IntRange(1, 256), help="How many devices at once (default: from the settings, 8)."
    )(function)
    function = click.option("--all", "everything", is_flag=True, help="Every device that is connected now.")(function)
    return click.option("--group", help="The devices that are certified for this group and connected now.")(function)


def demand_one_way(device: str, group: str | None, everything: bool) -> None:
    """Raises:
    UsageError: not exactly one of a device, a group and all was named.
    """
    if (bool(device) + (group is not None) + everything) != 1:
        raise click.UsageError("Say which devices: one by name, or --group G, or --all.")


async def select_devices(relay: RelayClient, group: str | None, known: KnownDevices) -> Sequence[DeviceRow]:
    """The connected devices of a group (None: all of them).

    Raises:
        NotFound: there is none.
    """
    rows = await relay.devices()
    chosen = select_online(rows) if group is None else select_group(rows, group, known)
    demand_devices(chosen, "the organisation" if group is None else f"group {group!r}")
    return chosen


async def one_device(relay: RelayClient, words: str) -> DeviceRow:
    """The device that `words` means.

    Raises:
        NotFound, Ambiguous: none or several.
    """
    return find_device(words, await relay.devices())


def show_progress(output: Output) -> Callable[[Progress], None]:
    """Says on stderr how the opening of a session goes."""

    def show(step: Progress) -> None:
        match step.stage:
            case Stage.ASKING:
                output.progress("Asking the relay for a tunnel ...")
            case Stage.TUNNEL:
                output.progress(f"Calling {step.label or step.device} (the relay's word) ...")
            case Stage.CONNECTED if step.guest:
                output.progress(
                    f"Connected to {step.label}: it knows the code. It is not enrolled, so nobody certifies it.", style=""
                )
                if step.text:
                    output.progress(f"They say: {step.text}")
            case Stage.CONNECTED:
                output.progress(f"Connected to {step.label}, certified by your organisation (device {step.device}).", style="")
                if step.by_code:
                    output.progress(f"Compare: {grouped_sas(step.sas)} must stand on the user's screen too.", style="bold")
                else:
                    output.progress(f"On both screens, should anybody want to compare: {grouped_sas(step.sas)}")
            case Stage.CONSENT:
                output.progress(f"Waiting for the person there to answer ({step.seconds:.0f} s) ...")
            case Stage.OPEN:
                output.progress("The session is open.", style="green")

    return show


def failure_line(label: str, device: str, error: HandrailError) -> str:
    """One line on a device where it did not work."""
    return f"{label} ({device}): {error}"
