"""A person's desktop: display, window manager, session bus and the agent's desktop process. Clicks and keys are XTest's."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import mss
from PIL import Image

from tests.kit.accessible import Reader, Seen, reading
from tests.kit.display import VirtualDisplay, virtual_display
from tests.kit.processes import ROOT, Process, command
from tests.kit.waiting import PATIENCE, eventually_async

STANDS_STILL_SECONDS = 0.1
SCREENS = ROOT / "build" / "screens"


@contextmanager
def session_bus() -> Iterator[str]:
    """The address of a session bus of its own, by dbus-run-session; gone with the context.

    Its services have a runtime directory of their own too: the bus of what a screen reader sees lies there by name, and another
    test's (or the person's own) must not be mistaken for it.
    """
    runtime = tempfile.mkdtemp(prefix="runtime-")
    argv = ["dbus-run-session", "--", "sh", "-c", 'echo "$DBUS_SESSION_BUS_ADDRESS"; exec cat']
    process = subprocess.Popen(
        argv,
        env={**os.environ, "XDG_RUNTIME_DIR": runtime},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:  # what has failed before is not to be hidden by a bus that does not end
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
        process.stdout.close()
        shutil.rmtree(runtime, ignore_errors=True)


class UserDesktop:
    """What the person sees and does."""

    def __init__(self, display: VirtualDisplay, bus: str, reader: Reader, logs: Path) -> None:
        self.display = display
        self.bus = bus
        self.reader = reader
        self.logs = logs
        self.processes: list[Process] = []

    def start(self, home: Path, *options: str, env: dict[str, str] | None = None) -> Process:
        """`handrail-agent desktop`."""
        environment = {
            "DISPLAY": self.display.name,
            "DBUS_SESSION_BUS_ADDRESS": self.bus,
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            **(env or {}),
        }
        argv = [command("handrail-agent"), "--home", str(home), "desktop", *options]
        process = Process(argv, self.logs / "desktop.log", env=environment)
        self.processes.append(process)
        return process

    # -- eyes -------------------------------------------------------------------------------------------------------

    async def look(self, name: str = "", *, role: str = "", window: str = "") -> list[Seen]:
        """What shows now; `name` is part of a name, `window` the beginning of its title."""
        return [
            one
            for one in await self.reader.everything()
            if name in one.name and role in ("", one.role) and one.window.startswith(window)
        ]

    async def see(
        self,
        name: str,
        *,
        role: str = "",
        window: str = "",
        having: Callable[[Seen], bool] = lambda _: True,
        seconds: float = PATIENCE,
    ) -> Seen:
        """Wait until something shows; the first one that fits."""
        end = time.monotonic() + seconds
        while True:
            found = [one for one in await self.look(name, role=role, window=window) if having(one)]
            if found:
                return found[0]
            if time.monotonic() > end:
                raise AssertionError(f"{name!r} ({role or 'any role'}) does not show. There is:\n{await self.described()}")
            await asyncio.sleep(0.05)

    async def usable(self, name: str, *, role: str = "", window: str = "", seconds: float = PATIENCE) -> Seen:
        """Wait until something can be pressed."""
        return await self.see(name, role=role, window=window, having=lambda one: "sensitive" in one.states, seconds=seconds)

    async def vanishes(self, name: str, *, role: str = "", window: str = "", seconds: float = PATIENCE) -> None:
        """Wait until nothing of the kind shows."""
        end = time.monotonic() + seconds
        while found := await self.look(name, role=role, window=window):
            assert time.monotonic() < end, f"still there: {found}"
            await asyncio.sleep(0.05)

    async def described(self) -> str:
        """Everything that shows, where, and what the desktop process has printed: for the message of a test that fails."""
        shown = [f"{one.window!r} {one.role} at {one.centre}: {one.name!r} {sorted(one.states)}" for one in await self.look()]
        return "\n".join([*shown, self.output])

    @property
    def output(self) -> str:
        """What the desktop process has printed."""
        return self.processes[0].output if self.processes else ""

    def picture(self, name: str, area: Seen | None = None) -> Path:
        """A screenshot under build/screens."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        with mss.MSS(display=self.display.name) as camera:
            shot = camera.grab(camera.monitors[0])
        image = Image.frombytes("RGB", shot.size, shot.bgra, "raw", "BGRX")
        if area is not None:
            image = image.crop((area.x - 12, area.y - 34, area.x + area.width + 12, area.y + area.height + 12))
        path = SCREENS / f"desktop-{name}.png"
        image.save(path)
        return path

    # -- hands ------------------------------------------------------------------------------------------------------

    def do(self, *arguments: str) -> None:
        """One xdotool command: XTest events."""
        self.display.run("xdotool", *arguments)

    async def click(self, name: str, *, role: str = "", window: str = "") -> Seen:
        """Press something with the mouse as soon as it can be pressed and stands still: what is new on a screen still moves."""
        target = await self.usable(name, role=role, window=window)
        while True:
            self.do("mousemove", *(str(value) for value in target.centre))
            await asyncio.sleep(STANDS_STILL_SECONDS)
            again = await self.usable(name, role=role, window=window)
            if again.centre == target.centre:
                self.do("click", "1")
                return again
            target = again

    def key(self, *names: str) -> None:
        """Strike keys, one after the other, into whatever has the keyboard: see `in_front`."""
        self.do("key", "--clearmodifiers", *names)

    def type(self, text: str) -> None:
        """Type."""
        self.do("type", "--delay", "5", text)

    async def in_front(self, title: str) -> None:
        """Wait until the window whose title begins so has the keyboard: one that shows has not got it yet."""

        def asked() -> bool:
            argv = ["xdotool", "getwindowfocus", "getwindowname"]
            told = subprocess.run(argv, env=self.display.environment, capture_output=True, text=True, check=False)
            return told.stdout.startswith(title)  # between two windows nothing has it, which xdotool calls an error

        await eventually_async(asked, f"{title!r} has the keyboard", every=0.05)

    async def focused(self, name: str, *, role: str = "", window: str = "") -> Seen:
        """Wait until keys go to something."""
        return await self.see(name, role=role, window=window, having=lambda one: "focused" in one.states)

    async def write(self, name: str, text: str, *, role: str = "text", window: str = "") -> None:
        """Click into a field and type; returns when it stands there."""
        await self.click(name, role=role, window=window)
        await self.focused(name, role=role, window=window)
        self.type(text)
        await self.see(name, role=role, window=window, having=lambda one: text in one.text)

    async def window(self, title: str) -> str:
        """The number that the X server knows a window by whose title begins so."""

        def found() -> str:
            argv = ["xdotool", "search", "--onlyvisible", "--name", f"^{title}"]
            told = subprocess.run(argv, env=self.display.environment, capture_output=True, text=True, check=False)
            return told.stdout.partition("\n")[0]

        return await eventually_async(found, f"a window {title!r}", every=0.05)

    async def minimize(self, title: str) -> None:
        """As the window manager does it, once it knows the window."""
        number = await self.window(title)

        def gone() -> bool:
            self.do("windowminimize", number)
            return "Iconic" in self.display.run("xprop", "-id", number, "WM_STATE")

        await eventually_async(gone, f"{title!r} is minimised", every=0.1)


@asynccontextmanager
async def user_desktop(logs: Path, *, width: int = 1280, height: int = 800) -> AsyncIterator[UserDesktop]:
    """A desktop without the agent's process; `start` starts it."""
    with virtual_display(width, height, window_manager=True) as display, session_bus() as bus:
        display.run("xsetroot", "-solid", "#4a5a68")
        async with reading(bus) as reader:
            desktop = UserDesktop(display, bus, reader, logs)
            try:
                yield desktop
            except (AssertionError, TimeoutError) as error:
                error.add_note(f"on the screen:\n{await desktop.described()}")
                raise
            else:
                # What fails in an event of Qt's is printed there and goes no further.
                assert "Traceback" not in desktop.output, desktop.output
            finally:
                for process in desktop.processes:
                    process.stop()
