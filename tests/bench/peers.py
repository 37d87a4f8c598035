"""The systems that are measured beside Handrail: how each is started, and how its bytes are counted. All are Debian or
PyPI packages."""

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
    sent bytes are what the viewer is sent, how it is ended, and the slow link that it goes over, if any."""

    port: int
    pids: dict[str, list[int]]
    stop: Callable[[], None]
    link: ShapedLink | None = None


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
    )


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
        ),
        Peer(
            "x11vnc",
            5961,
            xvfb(SOURCE),
            ROOMY,
            server=(Start(("x11vnc", "-display", SOURCE, "-rfbport", "5961", *x11vnc), wait_port=5961),),
            viewer=vncviewer(5961, cache),
        ),
        selkies("h264enc", cache),
        selkies("jpeg", cache),
    ]
    return {peer.name: peer for peer in every}
