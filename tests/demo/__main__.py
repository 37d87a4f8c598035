"""`make demo`: relay, signer, an agent with its windows on a virtual desktop, and the console; you are both people.

    python -m tests.demo [--check]

DISPLAY_TO_SHARE=:0 shares a real display instead of a virtual one.
"""

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import webbrowser
from pathlib import Path
from types import FrameType

from tests.demo.desktop import Desktop, describe, start_desktop
from tests.demo.person import Person
from tests.kit.processes import Process, command
from tests.kit.world import World

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "demo"


def interrupted(number: int, frame: FrameType | None) -> None:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does."""
    raise KeyboardInterrupt


def say(text: str = "") -> None:
    """A line for the person who started it."""
    print(text, flush=True)


def open_browser(address: str) -> bool:
    """Open the console where there is a desktop to open it on."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            flags = ["--no-sandbox"] if os.getuid() == 0 else []
            subprocess.Popen(
                [path, *flags, "--new-window", address],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            return True
    return webbrowser.open(address)


def windows_on(display: str, world: World, logs: Path) -> Process:
    """`handrail-agent desktop` on your own display, with the tray of your own session."""
    argv = [command("handrail-agent"), "--home", str(world.agent_home), "desktop"]
    return Process(argv, logs / "desktop.log", env={**world.environment, "DISPLAY": display})


def ask_for_help(person: Person) -> None:
    """Press *Get help* in the person's window for you, who cannot reach it before you are connected."""
    code = person.asks_for_help("the printer does not print")
    spoken = " ".join(code[at : at + 3] for at in range(0, 9, 3))
    say()
    say("The person at Reception PC has pressed 'Get help' and written 'the printer does not print'. Their window shows")
    say(f"this code, to be read out to a technician:   {spoken}")


def demonstrate() -> int:
    """Start everything and stay until Ctrl-C."""
    directory = BUILD / f"run-{secrets.token_hex(3)}"
    world = World(directory / "world")
    desktop: Desktop | None = None
    person: Person | None = None
    windows: Process | None = None
    try:
        shared = os.environ.get("DISPLAY_TO_SHARE", "")
        home = Path.home() if shared else directory / "home"
        say("Starting the assisted person's desktop ...")
        desktop = Desktop(shared) if shared else start_desktop(directory, home)
        say("Starting relay, organisation, signer, agent and console, each by its own command ...")
        address = world.everything(desktop.name, home=home)
        say("Starting the agent's windows on that desktop ...")
        if shared:
            windows = windows_on(shared, world, directory / "logs")
        else:
            environment = {**world.environment, "HOME": str(home)}
            person = Person(desktop.name, world.agent_home, directory / "logs", environment, tray=False)
            person.start()
        say()
        say(f"  The assisted machine:  'Reception PC', {describe(desktop)}")
        say(f"  The relay:             {world.url} (it cannot read what it carries)")
        say("  The technician:        Ana Ruiz, tier 3, in the console below")
        say()
        say("Open this in a Chromium browser on this computer (it lets one browser in):")
        say(f"  {address}")
        if open_browser(address):
            say("  ... it is being opened for you.")
        if person is not None:
            ask_for_help(person)
        guide(world, shared=bool(shared))
    except KeyboardInterrupt:
        pass
    except AssertionError as error:
        say(f"\nThe demo cannot go on: {error}")
    finally:
        say("\nEnding everything ...")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if person is not None:
            person.stop()
        if windows is not None:
            windows.stop()
        world.stop()
        if desktop is not None:
            desktop.stop()
        shutil.rmtree(directory, ignore_errors=True)
    say("Nothing is left behind.")
    return 0


def guide(world: World, *, shared: bool) -> None:
    """What to do now, and the person's own terminal until Ctrl-C."""
    say()
    if shared:
        say("Press the Handrail icon in your tray (or 'Get help' in its small window), and type the code into the console. The")
        say("window that asks you, the banner and the receipt are on your own desktop. This terminal asks too; the first answer")
        say("counts.")
    else:
        say("Type the code into the console (or click 'Reception PC' and ask without it), and say why. The window that asks the")
        say("person stands on their desktop, where you see it once you are connected; until then this terminal is theirs and")
        say("asks the same: nothing but your answer lets Ana Ruiz in, and the first answer counts.")
    say("Ctrl-C ends the demo.")
    say("-" * 110)
    if sys.stdin.isatty():
        subprocess.run(world.agent_argv("attend"), env={**os.environ, **world.environment, "NO_COLOR": ""}, check=False)
    else:
        say("No terminal here: to answer, run this in one:")
        say(f"  {' '.join(world.agent_argv('attend'))}")
        signal.pause()


def check() -> int:
    """Play both people and say what was seen."""
    from tests.demo.check import play
    from tests.demo.report import Report

    report = Report()
    screens = BUILD
    for old in screens.glob("*.png"):
        old.unlink()
    try:
        play(report, BUILD / "runs", screens)
    except KeyboardInterrupt:
        report.failed.append("interrupted")
    except (AssertionError, OSError) as error:
        report.failed.append("the stage")
        report.say(f"FAILED  the stage: {error}")
    return report.finish()


def main() -> int:
    """Demonstrate, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="play the technician and the user, and check what is seen")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    BUILD.mkdir(parents=True, exist_ok=True)
    return check() if options.check else demonstrate()


if __name__ == "__main__":
    sys.exit(main())
