"""`handrail devices`: the organisation's devices as the relay knows them, beside what their certificates have said."""

import time
from datetime import UTC, datetime

import click

from protocol.link_messages import DeviceRow
from technician_client.cli.app import App, command_options, passphrase_option, reporting, run_async
from technician_client.cli.output import Output, age_text, count
from technician_client.known import KnownDevice, KnownDevices
from technician_client.link import RelayClient


def rfc3339(seconds: float) -> str | None:
    """A time since 1970 as RFC 3339 in UTC, None for 0 or for what no calendar holds."""
    if seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def device_document(row: DeviceRow, known: KnownDevice | None) -> dict[str, object]:
    """A device as `--json` shows it. `certified` is what its certificate said in an earlier session; the rest is unverified."""
    return {
        "id": row.id,
        "label": row.label,
        "platform": row.platform,
        "online": row.online,
        "last_seen": rfc3339(row.last_seen),
        "waiting": row.waiting,
        "waiting_text": row.waiting_text,
        "waiting_since": rfc3339(row.waiting_since),
        "certified": None if known is None else {"label": known.label, "group": known.group, "seen": rfc3339(known.seen)},
    }


def show_devices(output: Output, rows: list[DeviceRow], known: KnownDevices, now: float) -> None:
    """The table, devices whose users wait for help first. `now` is seconds since 1970."""
    rows.sort(key=lambda row: (not row.waiting, not row.online, row.label.casefold(), row.id))
    cells: list[list[object]] = []
    styles: list[str] = []
    for row in rows:
        met = known.get(row.id)
        seen = "online" if row.online else age_text(now - row.last_seen) if row.last_seen > 0 else "never"
        note = row.waiting_text or "waits for help" if row.waiting else ""
        if met is not None and met.label != row.label:
            note = f"relay and certificate disagree: certified as {met.label!r}"
        cells.append([row.label, row.id, met.group if met else "", row.platform, seen, note])
        styles.append("bold yellow" if row.waiting else "" if row.online else "dim")
    output.table("", ["label", "id", "group", "platform", "seen", "note"], cells, styles, whole=("id",))
    online = sum(row.online for row in rows)
    output.progress(
        f"{count(len(rows), 'device')}, {online} online. Labels and platforms are the relay's word until a session opens."
    )


async def list_devices(app: App, text: str, online: bool) -> None:
    """Ask the relay and show."""
    settings = app.settings()
    known = KnownDevices(settings.known_devices_file)
    async with RelayClient(app.keys(settings), settings) as relay:
        rows = [row for row in await relay.devices(text) if row.online or not online]
    if app.output.as_json:
        app.output.json({"devices": [device_document(row, known.get(row.id)) for row in rows]})
    else:
        show_devices(app.output, rows, known, time.time())


@click.command(
    epilog="\b\nExamples:\n  handrail devices\n  handrail devices till --online\n  handrail devices --json | jq '.devices[].id'"
)
@click.argument("text", default="")
@click.option("--online", is_flag=True, help="Only those connected now.")
@passphrase_option
@command_options
@reporting
def devices(app: App, text: str, online: bool) -> None:
    """List the organisation's devices, those with TEXT in id or label when given.

    What stands there is the relay's word, and so unverified; groups come from certificates of earlier sessions.
    """
    run_async(list_devices(app, text, online))
