"""`make demo CHECK=1`: plays the technician in a real Chromium and the user at the agent's real windows, and believes only what
it sees. In the control the user sits at a terminal instead.

What it compares: the canvas with the X display, the typed text with a file that a shell on that display wrote, the SAS on both
sides, what the relay carried with what the endpoints said. A second, short run over a channel that does not encrypt, which exists
in the test kit alone, must be caught by the same search: so the search can fail.
"""

import os
import re
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.demo.desktop import Desktop, start_desktop
from tests.demo.person import ASKS, Person
from tests.demo.pictures import Witness, likeness, save
from tests.demo.report import Report
from tests.demo.secrecy import Secrets, relay_read_every_kind, relay_read_nothing, tunnels_are_tls
from tests.kit.console_page import ConsolePage
from tests.kit.processes import Process, processes_with
from tests.kit.terminal import Terminal
from tests.kit.waiting import eventually
from tests.kit.world import World

TEXT = "naïve façade € Привет 日本"
REASON = "Looking into the printer you told us about"
NAMED_TABLES = (
    "system_info",
    "os_version",
    "cpu_info",
    "memory_info",
    "mounts",
    "interface_addresses",
    "routes",
    "reachability",
    "processes",
    "systemd_units",
    "journal_errors",
    "deb_packages",
    "logged_in_users",
    "listening_ports",
    "time_synchronisation",
)
PAD = (1500, 60, 120)
MARK = 64
SAS_PATTERN = r"Compare this number with theirs: (\d{3}) (\d{3})"


class Check:
    """One play. `null_channel` runs the control: the same parts, with the test kit's unencrypted channel."""

    def __init__(self, report: Report, directory: Path, screens: Path, *, null_channel: bool = False) -> None:
        self.report = report
        self.directory = directory
        self.screens = screens
        self.world = World(directory / "world", tapped=True, null_channel=null_channel)
        self.person_home = directory / "home"
        self.typed = self.person_home / "typed.txt"
        self.pressed = directory / "pressed.txt"
        self.helpers: list[Process] = []
        self.desktop: Desktop | None = None
        self.person: Person | None = None
        self.seen: list[np.ndarray] = []

    # -- stage ------------------------------------------------------------------------------------------------------

    def seed_fault(self) -> None:
        """A private key that everybody may read: what `ssh_permissions_loose` is about."""
        key = self.person_home / ".ssh" / "id_ed25519"
        key.parent.mkdir(parents=True, exist_ok=True)
        key.parent.chmod(0o700)
        key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n")
        key.chmod(0o644)
        self.key = key

    def start(self) -> str:
        """Desktop, then everything of Handrail; returns the console's address."""
        self.seed_fault()
        self.desktop = start_desktop(self.directory, self.person_home)
        display = self.desktop.name
        tools = [("marks", str(MARK), "0.4"), ("pad", str(self.pressed), *map(str, PAD))]
        for name, *arguments in tools:
            argv = [sys.executable, "-m", f"tests.demo.{name}", display, *arguments]
            self.helpers.append(Process(argv, self.directory / "logs" / f"{name}.log", env=self.world.environment))
        return self.world.everything(display, home=self.person_home)

    def stop(self) -> None:
        """End it all."""
        if self.person is not None:
            self.person.stop()
        self.world.stop()
        for process in self.helpers:
            process.stop()
        if self.desktop is not None:
            self.desktop.stop()

    # -- acts -------------------------------------------------------------------------------------------------------

    def log_in(self) -> Person:
        """The agent's windows on the person's display, with a tray for the icon."""
        assert self.desktop is not None
        environment = {**self.world.environment, "HOME": str(self.person_home)}
        self.person = Person(self.desktop.name, self.world.agent_home, self.directory / "logs" / "person", environment, tray=True)
        self.person.start()
        return self.person

    def first_minute(self, console: ConsolePage, details: list[str]) -> Person:
        """From the tray's menu to the picture: the code is read out, both compare, the person chooses in the window."""
        person = self.log_in()
        code = person.asks_for_help("the printer does not print")
        person.picture(self.screens / "help.png")
        console.join(code, REASON)
        person.reads("Ana Ruiz wants to connect to this computer", "Example Ltd", REASON, window=ASKS)
        theirs, ours = person.compares(), console.sas()
        console.screenshot(self.screens / "waiting.png")
        person.picture(self.screens / "consent.png")
        assert ours == theirs, f"the technician sees {ours}, the user {theirs}"
        chosen = person.allows_everything()
        answered = time.monotonic()
        console.wait_for_picture()
        took = time.monotonic() - answered
        person.reads("Ana Ruiz of Example Ltd is connected", window="Connected")
        person.picture(self.screens / "banner.png")
        details.append(f"SAS {ours} on both sides; {chosen} permissions; {took:.1f} s from the answer to the picture")
        return person

    def open_session(self, console: ConsolePage, details: list[str]) -> Terminal:
        """The user asks for help and reads out the code; the technician joins; both compare; the user answers in the terminal."""
        user = self.world.user("ask", "the printer does not print")
        code = user.expect(r"Your code: (\d{3} \d{3} \d{3})").group(1)
        console.join(code, REASON)
        user.expect(r"=== Ana Ruiz of Example Ltd \(technician, tier 3\) ===")
        user.expect(REASON)
        theirs = "".join(user.expect(SAS_PATTERN).groups())
        ours = console.sas()
        console.screenshot(self.screens / "waiting.png")
        assert ours == theirs, f"the technician sees {ours}, the user {theirs}"
        user.type("y\n")
        while True:  # one capability at a time; every one of them is answered by a person, and No is the default
            asked = user.expect(r"May they ([^?]+)\? \[y/N\]|(CONNECTED)")
            if asked.group(2):
                break
            user.type("y\n")
        console.wait_for_picture()
        details.append(f"SAS {ours} on both sides")
        return user

    def picture_is_live(self, console: ConsolePage, witness: Witness, details: list[str]) -> None:
        """The canvas against what stood on the display within the last second."""

        def alike() -> bool:
            picture, at = console.picture()
            found = likeness(picture, witness.between(at - 1.0, at + 0.25))
            details[:] = [f"worst tile {found.worst_tile:.1f} dB at {found.worst_at}, whole {found.whole:.1f} dB"]
            if found.worst_tile >= 30 and found.whole >= 38:
                save(picture, self.screens / "canvas.png")
                self.seen.append(picture)
                return True
            return False

        try:
            eventually(alike, "the canvas shows the display", every=0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}: {details}") from None

    def type_text(self, console: ConsolePage) -> None:
        """Into the terminal window on the assisted display, by the browser's keyboard."""
        assert self.desktop is not None
        console.click(500, 400)
        eventually(lambda: active_window(self.desktop) == "Terminal", "the terminal has the focus")
        console.type(f"cat > {self.typed.name}\n")
        console.type(TEXT + "\n")
        console.press("Control+d")
        wanted = TEXT + "\n"
        eventually(
            lambda: self.typed.exists() and self.typed.read_text(encoding="utf-8") == wanted,
            f"{self.typed} holds the text",
            seconds=15,
        )

    def click_and_wheel(self, console: ConsolePage, details: list[str]) -> None:
        """Both arrive in a window that writes down what it gets."""
        left, top, side = PAD
        console.click(left + side // 2, top + side // 2)
        console.wheel(left + side // 2, top + side // 2, 0, 240)

        def lines() -> list[list[int]]:
            text = self.pressed.read_text() if self.pressed.exists() else ""
            return [[int(part) for part in line.split()] for line in text.splitlines()]

        eventually(
            lambda: any(line[0] == 1 for line in lines()) and any(line[0] == 5 for line in lines()), "a click and a wheel turn"
        )
        click = next(line for line in lines() if line[0] == 1)
        assert abs(click[1] - side // 2) <= 1, click
        assert abs(click[2] - side // 2) <= 1, click
        details.append(f"click at {click[1]},{click[2]} of {side}; {sum(line[0] == 5 for line in lines())} notches down")

    def tables_came(self, console: ConsolePage, details: list[str]) -> dict[str, str]:
        """Every named table is there, and is ok unless this machine cannot serve it and says why."""
        console.collect()
        tables = console.tables()
        missing = [name for name in NAMED_TABLES if name not in tables]
        assert not missing, f"missing: {missing}; there are {sorted(tables)}"
        served = [name for name in NAMED_TABLES if "row" in tables[name]]
        others = {name: tables[name] for name in NAMED_TABLES if name not in served}
        systemd = Path("/run/systemd/system").exists()
        allowed = set() if systemd else {"systemd_units", "journal_errors", "time_synchronisation"}
        assert set(others) <= allowed, f"not ok: {others}"
        assert all(state == "unsupported" for state in others.values()), others
        details.append(f"{len(served)} ok" + (f", unsupported here: {', '.join(others)}" if others else ""))
        return tables

    def fix_the_fault(self, console: ConsolePage, person: Person, details: list[str]) -> None:
        """Found by rule, answered by an approved script, gone afterwards."""
        titles = console.collect()
        finding = next((title for title in titles if re.search(r"(?i)ssh|key", title)), "")
        assert finding, f"the seeded fault was not found among {titles}"
        console.screenshot(self.screens / "findings.png")
        console.run_fix(finding)
        person.reads("Run this fix?", window=ASKS)
        person.picture(self.screens / "fix.png")
        person.says_yes()
        outcome = console.fix_result()
        console.screenshot(self.screens / "fixed.png")
        mode = stat.S_IMODE(self.key.stat().st_mode)
        assert mode == 0o600, f"the key still has mode {mode:o}; the page says {outcome!r}"
        left = console.collect()
        assert finding not in left, f"still found: {left}"
        details.append(f"{finding!r}: {outcome}")

    def read_the_receipt(self, person: Person, details: list[str]) -> None:
        """What was done stands in the window and in the file that the person keeps."""
        person.reads("Ana Ruiz helped on this computer", "Began the fix", "it worked, and that was checked", window="Receipt")
        person.rates(5)
        person.picture(self.screens / "receipt.png")
        kept = [path.name for path in (self.world.agent_home / "receipts").iterdir()]
        assert any(name.endswith(".rating.json") for name in kept), kept
        details.append(f"{len(kept)} files kept")

    # -- the relay --------------------------------------------------------------------------------------------------

    def remember(self, console: ConsolePage) -> Secrets:
        """What the endpoints said in the clear."""
        said = Secrets()
        said.typed(TEXT)
        said.returned([REASON, "SSH files are open to others", processor()], console.overheard)
        said.shown(self.seen, MARK)
        return said


def processor() -> str:
    """The processor's name: a cell of a table that the relay is told in no other way."""
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    assert found is not None
    return found.group(1).strip()


def active_window(desktop: Desktop | None) -> str:
    """The title of the window that has the focus."""
    assert desktop is not None
    environment = {**os.environ, "DISPLAY": desktop.name}
    argv = ["xprop", "-root", "_NET_ACTIVE_WINDOW"]
    shown = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False).stdout
    found = re.search(r"0x[0-9a-f]+", shown)
    if found is None or int(found.group(0), 16) == 0:
        return ""
    argv = ["xprop", "-id", found.group(0), "WM_NAME"]
    named = re.search(r'"(.*)"', subprocess.run(argv, env=environment, capture_output=True, text=True, check=False).stdout)
    return named.group(1) if named else ""


def leftovers(check: Check) -> list[str]:
    """What of ours is still there after the end."""
    found = [f"process {pid}: {argv}" for pid, argv in processes_with(check.world.mark)]
    if check.desktop is not None:
        number = check.desktop.name[1:]
        found += [path for path in (f"/tmp/.X{number}-lock", f"/tmp/.X11-unix/X{number}") if Path(path).exists()]
    found += [str(path) for path in (check.world.agent_home / "agent.sock",) if path.exists()]
    for port in (check.world.port, check.world.relay_port):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(f"something still listens on port {port}")
    return found


def play(report: Report, root: Path, screens: Path) -> None:
    """The whole play, then what the relay saw, then what is left."""
    check = Check(report, root / f"check-{secrets.token_hex(3)}", screens)
    said: Secrets | None = None
    try:
        with report.check("relay, organisation, signer, agent and console are up"):
            address = check.start()
        witness = Witness(check.desktop.name) if check.desktop else None
        assert witness is not None
        with ConsolePage(address) as console:
            with report.check("help asked for from the tray, code read out, SAS compared, consent in the window") as details:
                person = check.first_minute(console, details)
            with report.check("the canvas shows the display, no part older than a second") as details:
                check.picture_is_live(console, witness, details)
            with report.check(f"typed text stands in a file there: {TEXT}"):
                check.type_text(console)
            with report.check("a click and a wheel turn arrived") as details:
                check.click_and_wheel(console, details)
            with report.check("the canvas still shows the display after all that") as details:
                check.picture_is_live(console, witness, details)
            with report.check("the named tables came") as details:
                check.tables_came(console, details)
            with report.check("a seeded fault was found, its approved fix ran, the finding is gone") as details:
                check.fix_the_fault(console, person, details)
            console.screenshot(screens / "session.png")
            said = check.remember(console)
            with report.check("the session ends, the user has a receipt of the fix and rates it") as details:
                console.end()
                check.read_the_receipt(person, details)
            with report.check("the page reported no error"):
                assert not console.problems, console.problems[:5]
        witness.stop()
    finally:
        check.stop()
        if report.failed:
            report.say(check.world.output())
    assert check.world.tap is not None
    with report.check("nothing shown, typed or returned stands in what the relay carried") as details:
        assert said is not None, "no session was held"
        relay_read_nothing(said, check.world.tap, details)
    with report.check("what the relay carried for the session is TLS 1.3 records") as details:
        tunnels_are_tls(check.world.tap, details)
    with report.check("nothing of ours is left: no process, no lock, no port"):
        eventually(lambda: not leftovers(check), "everything is gone")
    control(report, root, screens)
    if not report.failed:
        shutil.rmtree(check.directory, ignore_errors=True)


def control(report: Report, root: Path, screens: Path) -> None:
    """The same parts over the test kit's null channel: the search must find what the relay then can read."""
    with report.check("control: over a channel that does not encrypt, the same search finds it all") as details:
        check = Check(report, root / f"control-{secrets.token_hex(3)}", screens / "control", null_channel=True)
        try:
            address = check.start()
            assert check.desktop is not None
            witness = Witness(check.desktop.name)
            with ConsolePage(address) as console:
                check.open_session(console, [])
                check.picture_is_live(console, witness, [])
                check.type_text(console)
                console.collect()
                console.tables()
                said = check.remember(console)
            witness.stop()
        finally:
            check.stop()
        assert check.world.tap is not None
        relay_read_every_kind(said, check.world.tap, details)
        try:
            tunnels_are_tls(check.world.tap, [])
        except AssertionError as error:
            details.append(str(error)[:60])
        else:
            raise AssertionError("the null channel passed for TLS")
        shutil.rmtree(check.directory, ignore_errors=True)
