"""The list of ten thousand devices: how long a frame takes while it is scrolled, the first row, a keystroke of the search.

    python -m tests.bench.device_list [--devices 10000] [--rounds 5]

JSON lines and a table go to build/bench/. Quote ratios of one run, never the absolutes: machines differ and are shared. The relay
and the console are processes of their own, started by their own commands; the devices stand in the relay's database, what earlier
sessions told of half of them in the technician's own file; Chromium shows the page at 1280x720 and is driven by wheel and keys.

A *frame* is the time from one animation frame of the page to the next: 16.7 ms where nothing is late, on a display of 60 Hz.
*Work* is how long the page's own thread was at it, from the moment at which the frame was due until script, style, layout and
painting were done; *CPU* is what that thread used for a frame on average, which other programs do not lengthen. Beside it in the
same browser stands a *plain list*: a table of 50 rows of text without any script, and a field whose text hides those of its rows
that do not have it.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import CDPSession, Page, sync_playwright

from technician_client.known import Health, KnownDevice
from technician_client.settings import load_settings
from tests.bench.trust import ROOT, spread
from tests.kit.console_page import FLAGS, chromium
from tests.kit.waiting import PATIENCE
from tests.kit.world import World

WANTED_FRAME_MS = 1000 / 60
PLAIN_ROWS = 50
TURNS, PAGES, LETTERS = 150, 60, "till-0421 mrs gray"
STEP_SECONDS = 1 / 60
PAGE_SECONDS = 0.1
PLATFORMS = ("Debian 12, GNOME", "Ubuntu 24.04, KDE", "Debian 13, Xfce", "Linux Mint 22")
SITES = ("front", "stock", "office", "workshop", "school", "lab")
NAMES = ("Ada Gray", "Jonas Weber", "Mireille Petit", "Ivan Sokolov", "Sana Iqbal", "Tomás Ruiz")
Row = dict[str, Any]

FRAMES = """() => {
    window.frames_seen = [];
    window.frames_work = [];
    const mine = (window.frames_wanted = {});
    const step = (now) => {
        window.frames_seen.push(now);
        const painted = new MessageChannel();
        painted.port1.onmessage = () => window.frames_work.push(performance.now() - now);
        painted.port2.postMessage(null);
        if (window.frames_wanted === mine) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
}"""
STOP_FRAMES = """() => { window.frames_wanted = null; return [window.frames_seen, window.frames_work]; }"""
FIRST_ROW = """() => {
    const look = () => {
        if (document.querySelector(".device-rows tr") === null) return void requestAnimationFrame(look);
        // Painted once the frame after this one begins.
        requestAnimationFrame(() => { window.first_row = performance.now(); });
    };
    look();
}"""
KEYSTROKES = """() => {
    window.strokes = [];
    document.addEventListener("keydown", ({timeStamp}) => {
        requestAnimationFrame(() => {
            const painted = new MessageChannel();
            painted.port1.onmessage = () => window.strokes.push(performance.now() - timeStamp);
            painted.port2.postMessage(null);
        });
    }, true);
}"""
PLAIN_SEARCH = """() => document.getElementById("search-field").addEventListener("input", ({target}) => {
    for (const row of document.querySelectorAll("tbody tr")) row.hidden = !row.textContent.includes(target.value);
})"""


def fill(world: World, count: int) -> None:
    """So many devices, as the relay would have written them had each logged in once; what sessions told of every second one."""
    now = time.time()
    rows = []
    known = {}
    for number in range(count):
        device, site = f"d{number:07}", SITES[number % len(SITES)]
        label = f"{site}-till-{number:05}"
        seen = now - 60 * number
        rows.append((device, label, label.casefold(), PLATFORMS[number % len(PLATFORMS)], seen - 86_400, seen))
        if number % 2:
            health = Health(warning=number % 3, notice=number % 5, worst="The system disk is almost full", checked=seen)
            known[device] = KnownDevice(label, site, seen, NAMES[number % len(NAMES)], f"IT-{number:06}", health, seen)
    with sqlite3.connect(world.directory / "relay" / "relay.sqlite", timeout=PATIENCE) as database:
        (organisation,) = database.execute("SELECT id FROM organisations").fetchone()
        database.executemany(
            "INSERT INTO devices (organisation, id, label, label_key, platform, first_seen, last_seen)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(organisation, *row) for row in rows],
        )
    load_settings(world.home).known_devices_file.write_bytes(msgspec.json.encode(known))


def plain_page() -> str:
    """A table of text of the same height of rows, and nothing else."""
    rows = [
        (f"{SITES[at % len(SITES)]}-till-{at:05}", NAMES[at % len(NAMES)], f"IT-{at:06}", "offline") for at in range(PLAIN_ROWS)
    ]
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    style = "body{margin:0;font:14px sans-serif}.table-scroll{height:500px;overflow:auto}td{height:52px;width:300px}"
    field = '<input id="search-field" type="search">'
    return f'<style>{style}</style>{field}<div class="table-scroll" tabindex="0"><table><tbody>{cells}</tbody></table></div>'


def working(tools: CDPSession) -> float:
    """Seconds of processor time that the page's own thread has used so far."""
    metrics = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def frames(page: Page, tools: CDPSession, act: Callable[[], None]) -> Row:
    """Every frame while `act` goes on, and what the page's thread worked for each."""
    page.evaluate(FRAMES)
    before = working(tools)
    act()
    seen, work = page.evaluate(STOP_FRAMES)
    worked = (working(tools) - before) * 1000
    times = [after - first for first, after in pairwise(seen)]
    late = sum(one > 1.5 * WANTED_FRAME_MS for one in times)
    done = spread(work)
    return {
        **spread(times),
        "late": late,
        "work_p50_ms": done["p50_ms"],
        "work_p95_ms": done["p95_ms"],
        "work_most_ms": done["most_ms"],
        "cpu_ms": round(worked / len(times), 3),
    }


def paced(count: int, seconds: float, act: Callable[[int], None]) -> None:
    """`act` so many times, one every so many seconds, or as fast as it goes."""
    started = time.monotonic()
    for number in range(count):
        act(number)
        time.sleep(max(0.0, started + (number + 1) * seconds - time.monotonic()))


def by_wheel(page: Page, tools: CDPSession) -> Row:
    """Down, and up again where the list ends soon: 60 turns of a wheel a second."""
    box = page.locator(".table-scroll").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def turn(number: int) -> None:
        way = 1 if number % 50 < 25 or page_is_long else -1
        tools.send("Input.dispatchMouseEvent", {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": 240 * way})

    page_is_long = page.evaluate("document.querySelector('.table-scroll').scrollHeight > 100000")
    return frames(page, tools, lambda: paced(TURNS, STEP_SECONDS, turn))


def by_pages(page: Page, tools: CDPSession) -> Row:
    """A page down, ten times a second; and up where the list ends."""
    page.locator(".table-scroll").focus()
    page.keyboard.press("Home")
    long = page.evaluate("document.querySelector('.table-scroll').scrollHeight > 100000")
    return frames(
        page,
        tools,
        lambda: paced(
            PAGES, PAGE_SECONDS, lambda number: page.keyboard.press("PageDown" if long or number % 10 < 5 else "PageUp")
        ),
    )


def searching(page: Page) -> Row:
    """From a key that goes down in the search to what it left of the list, painted."""
    field = page.locator("#search-field")
    page.evaluate(KEYSTROKES)
    for number, letter in enumerate(LETTERS, 1):
        field.press(letter)
        page.wait_for_function("(count) => window.strokes.length >= count", arg=number)
    times: list[float] = page.evaluate("window.strokes")
    return spread(times)


def first_rows(page: Page, rounds: int) -> Row:
    """From the beginning of a page's load to the first row, painted."""
    times = []
    page.add_init_script(f"({FIRST_ROW})()")
    for _ in range(rounds):
        page.reload()
        page.wait_for_function("() => window.first_row !== undefined")
        times.append(page.evaluate("window.first_row"))
    return spread(times)


def measure(address: str, count: int, rounds: int) -> list[Row]:
    """The console's list, then the plain one, in one browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS, timeout=2000 * PATIENCE)
        context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
        context.set_default_timeout(2000 * PATIENCE)
        ours, plain = context.new_page(), context.new_page()
        plain.set_content(plain_page())
        plain.evaluate(PLAIN_SEARCH)
        ours.bring_to_front()  # a page behind another is given a frame a second
        ours.goto(address)
        ours.get_by_role("radio", name=f"All {count:,}").wait_for()
        rows = [{"what": "first row", "of": "ours", **first_rows(ours, rounds)}]
        ours.get_by_role("radio", name=f"All {count:,}").wait_for()
        for of, page in (("ours", ours), ("plain list", plain)):
            page.bring_to_front()
            tools = context.new_cdp_session(page)
            tools.send("Performance.enable", {"timeDomain": "threadTicks"})
            rows.append({"what": "frame, by wheel", "of": of, **by_wheel(page, tools)})
            rows.append({"what": "frame, by PageDown", "of": of, **by_pages(page, tools)})
            rows.append({"what": "keystroke of the search", "of": of, **searching(page)})
        browser.close()
    for row in rows:
        base = [other for other in rows if other["what"] == row["what"] and other["of"] == "plain list"]
        for name, ratio in (("p50_ms", "ratio"), ("p95_ms", "ratio_p95"), ("cpu_ms", "ratio_cpu")):
            if base and base[0].get(name):
                row[ratio] = round(row[name] / base[0][name], 2)
    return rows


def table(rows: list[Row]) -> str:
    """Markdown."""
    head = "| what | of | p50/p95/longest ms | late frames | work p50/p95/longest ms | CPU ms a frame | ratio p50/p95/CPU |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for row in rows:
        late = f"{row['late']} of {row['rounds']}" if "late" in row else ""
        work = "/".join(f"{row[f'work_{name}_ms']:.1f}" for name in ("p50", "p95", "most")) if "late" in row else ""
        ratios = "/".join(str(row[name]) for name in ("ratio", "ratio_p95", "ratio_cpu") if name in row)
        numbers = "/".join(f"{row[f'{name}_ms']:.1f}" for name in ("p50", "p95", "most"))
        lines.append(f"| {row['what']} | {row['of']} | {numbers} | {late} | {work} | {row.get('cpu_ms', '')} | {ratios} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run, print the table, keep both; 1 when the page works longer for one frame in twenty than a frame lasts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="handrail-list-") as place:
        world = World(Path(place))
        try:
            told = world.start_relay()
            world.quickstart(told["token"], told["relay_spki"])
            fill(world, options.devices)
            rows = measure(world.start_console(), options.devices, options.rounds)
        finally:
            world.stop()
    out = ROOT / "build" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    (out / f"list-{stamp}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (out / f"list-{stamp}.md").write_text(table(rows))
    print(table(rows))
    slow = [row for row in rows if row["of"] == "ours" and row.get("work_p95_ms", 0) > WANTED_FRAME_MS]
    for row in slow:
        print(f"{row['what']}: one in twenty takes the page {row['work_p95_ms']:.1f} ms or more", file=sys.stderr)
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
