"""The systems that are measured beside Handrail: how each is started, and how its bytes are counted. All are Debian or
PyPI packages; one whose commands are not installed is left out and named."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit.shaped_link import ShapedLink

SOURCE, VIEWER = ":60", ":61"
WORKLOADS = ("block", "typing", "scroll", "drag", "video", "idle")
OWN_WORKLOADS = ("terminal", "browser", "conference", "ide", "sheet")
"""A terminal that floods, a page with moving parts, four faces, an editor with a map of its file, a sheet that calculates."""

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu-driver-bug-workarounds",
    "--test-type",
    "--kiosk",
    "--window-position=0,0",
    "--window-size=1920,1080",
    "--force-device-scale-factor=1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--password-store=basic",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
    "--noerrdialogs",
    "--hide-scrollbars",
)


@dataclass(frozen=True)
class Start:
    """One process: its argv, the TCP port to wait for (0: none) and the seconds it is given to settle."""

    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    wait_port: int = 0
    settle: float = 0.5


@dataclass(frozen=True)
class Assembly:
    """A system that was put together by code and runs: its process ids by role ("relay", "server", "viewer"), the TCP port whose
    sent bytes are what the viewer is sent, how it is ended, the slow link that it goes over, if any, and the port at which the
    viewer's browser can be asked about itself, if any."""

    port: int
    pids: dict[str, list[int]]
    stop: Callable[[], None]
    link: ShapedLink | None = None
    debug_port: int = 0


@dataclass(frozen=True)
class Peer:
    """A system under measurement.

    `relay`, `server` and `viewer` are started in this order; `port` is the TCP port whose sent bytes are what the viewer is sent;
    `started` is called when everything runs (log in, click, full screen). `source` and `viewer_display` are X servers to start.
    What a list of commands cannot say is started by `assemble`, when the displays are there.
    """

    name: str
    port: int
    source: tuple[str, ...]
    viewer_display: tuple[str, ...]
    relay: tuple[Start, ...] = ()
    server: tuple[Start, ...] = ()
    viewer: tuple[Start, ...] = ()
    ready: float = 1.0
    started: Callable[[], None] | None = None
    assemble: Callable[[], Assembly] | None = None
    source_name: str = SOURCE
    viewer_name: str = VIEWER
    needs: tuple[str, ...] = ()

    @property
    def lacks(self) -> str:
        """Which of the commands that it `needs` are not installed, "" for none."""
        return ", ".join(name for name in self.needs if shutil.which(name) is None)


def xvfb(display: str, geometry: str = "1920x1080x24") -> tuple[str, ...]:
    """An Xvfb."""
    return ("Xvfb", display, "-screen", "0", geometry, "-nolisten", "tcp", "-noreset", "-ac")


# Larger than the source: without a window manager a viewer that fills its display loses a pixel or two and is then scaled.
ROOMY_SIZE = "2080x1240x24"
ROOMY = xvfb(VIEWER, ROOMY_SIZE)


def vncviewer(port: int, cache: Path, *extra: str) -> tuple[Start, ...]:
    """TigerVNC's viewer, unscaled."""
    options = ("-SecurityTypes", "None", "-RemoteResize=0", "-geometry", "2000x1140+0+0", "-Shared", "-AcceptClipboard=0")
    argv = ("xtigervncviewer", "-display", VIEWER, *options, "-SendClipboard=0", *extra, f"127.0.0.1::{port}")
    return (Start(argv, {"HOME": str(cache / "home")}, settle=1.5),)


def chromium(url: str, profile: Path, debug_port: int, cache: Path, *extra: str) -> Start:
    """A Chromium window without any frame at the top left of the viewer's display."""
    flags = (*CHROMIUM_FLAGS, *extra, f"--user-data-dir={profile}", f"--remote-debugging-port={debug_port}")
    argv = ("chromium", *flags, "--remote-debugging-address=127.0.0.1", url)
    return Start(argv, {"DISPLAY": VIEWER, "HOME": str(cache / "home")}, settle=4)


def selkies(encoder: str, cache: Path) -> Peer:
    """selkies 2.1, a Python server with a native core and a browser viewer."""
    port = 8082
    options = (
        "--addr",
        "127.0.0.1",
        "--port",
        str(port),
        "--enable-basic-auth=false",
        "--encoder",
        encoder,
        "--audio-enabled=false",
    )
    more = ("--microphone-enabled=false", "--gamepad-enabled=false", "--manual-width", "1920", "--manual-height", "1080")
    argv = (str(cache / "selkies" / "bin" / "selkies"), *options, *more, "--enable-resize=false")
    return Peer(
        f"selkies-{encoder.removesuffix('enc')}",
        port,
        xvfb(SOURCE),
        ROOMY,
        server=(Start(argv, {"DISPLAY": SOURCE, "HOME": str(cache / "home")}, port, 1),),
        viewer=(chromium(f"http://127.0.0.1:{port}/", cache / "chromium-selkies", 9223, cache),),
        ready=2,
        needs=(argv[0], "chromium"),
    )


def xvnc() -> tuple[str, ...]:
    """TigerVNC as the X server itself."""
    options = ("-geometry", "1920x1080", "-depth", "24", "-rfbport", "5960", "-localhost", "-SecurityTypes", "None", "-ac")
    return ("Xtigervnc", SOURCE, *options, "-AlwaysShared", "-AcceptSetDesktopSize=0", "-nolisten", "tcp", "-desktop", "bench")


def freerdp(cache: Path) -> Peer:
    """FreeRDP's server for displays that exist, and its viewer."""
    home = {"HOME": str(cache / "home")}
    server = ("freerdp-shadow-cli", "/port:3390", "/bind-address:127.0.0.1", "-auth", "/sec:tls")
    viewer = ("xfreerdp", "/v:127.0.0.1:3390", "/cert:ignore", "/size:1920x1080", "/bpp:32", "/u:x", "/p:x", "/sec:tls")
    return Peer(
        "freerdp-shadow",
        3390,
        xvfb(SOURCE),
        ROOMY,
        server=(Start(server, {"DISPLAY": SOURCE, **home}, 3390, 1),),
        viewer=(Start((*viewer, "/gfx", "/network:lan", "-grab-keyboard"), {"DISPLAY": VIEWER, **home}, settle=3),),
        ready=2,
        needs=("freerdp-shadow-cli", "xfreerdp"),
    )


def xpra(cache: Path) -> Peer:
    """xpra, which shadows a display."""
    home = {"HOME": str(cache / "home"), "XDG_RUNTIME_DIR": str(cache / "home")}
    quiet = ("--mmap=no", "--opengl=no", "--speaker=off", "--microphone=off", "--notifications=no")
    server = ("xpra", "shadow", SOURCE, "--daemon=no", "--bind-tcp=127.0.0.1:10000", "--tcp-auth=none", "--mdns=no", "--html=off")
    more = ("--pulseaudio=no", "--printing=no", "--webcam=no", "--dbus-launch=", "--dbus-control=no", "--systemd-run=no")
    viewer = ("xpra", "attach", "tcp://127.0.0.1:10000", "--tray=no", "--cursors=no", "--desktop-scaling=off", "--bell=no")
    return Peer(
        "xpra-shadow",
        10000,
        xvfb(SOURCE),
        ROOMY,
        server=(Start((*server, *more, *quiet), home, 10000, 2),),
        viewer=(Start((*viewer, *quiet), {"DISPLAY": VIEWER, **home}, settle=4),),
        ready=3,
        needs=("xpra",),
    )


ELSEWHERE = {
    "meshcentral": "it wants a server with an account and an agent installed for it; docs/benchmarks.md has its figures",
}
"""Peers that cannot be started by a list of commands, and why."""


def peers(cache: Path) -> dict[str, Peer]:
    """Every peer by name. `floor` shows the source display itself: what the harness alone costs."""
    scraper = ("-localhost", "-SecurityTypes", "None", "-MaxProcessorUsage=100", "-PollingCycle=10")
    x11vnc = ("-localhost", "-nopw", "-forever", "-shared", "-ncache", "0", "-quiet", "-wait", "5", "-defer", "1", "-threads")
    every = [
        Peer("floor", 0, xvfb(SOURCE), (), viewer_name=SOURCE),
        Peer(
            "x0vncserver",
            5962,
            xvfb(SOURCE),
            ROOMY,
            server=(Start(("X0tigervnc", "-display", SOURCE, "-rfbport", "5962", *scraper), wait_port=5962),),
            viewer=vncviewer(5962, cache),
            needs=("X0tigervnc", "xtigervncviewer"),
        ),
        Peer("xvnc", 5960, xvnc(), ROOMY, viewer=vncviewer(5960, cache), needs=("Xtigervnc", "xtigervncviewer")),
        Peer(
            "x11vnc",
            5961,
            xvfb(SOURCE),
            ROOMY,
            server=(Start(("x11vnc", "-display", SOURCE, "-rfbport", "5961", *x11vnc), wait_port=5961),),
            viewer=vncviewer(5961, cache),
            needs=("x11vnc", "xtigervncviewer"),
        ),
        selkies("h264enc", cache),
        selkies("jpeg", cache),
        freerdp(cache),
        xpra(cache),
    ]
    return {peer.name: peer for peer in every}
