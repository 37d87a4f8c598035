"""A session recorded by the command line from a real agent on a real display, announced to the person there, and played again."""

import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.kit.display import VirtualDisplay, virtual_display
from tests.kit.processes import Process
from tests.kit.waiting import eventually
from tests.kit.world import World, assisted_world

pytestmark = [pytest.mark.display]
WIDTH, HEIGHT = 640, 360


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display(WIDTH, HEIGHT) as display:
        display.run("xsetroot", "-solid", "#204060")
        yield display


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, display: VirtualDisplay) -> Iterator[World]:
    with assisted_world(tmp_path_factory.mktemp("world"), display.name) as world:
        yield world


def test_the_person_is_asked_sees_it_and_the_file_shows_what_was_there(
    world: World, display: VirtualDisplay, tmp_path: Path
) -> None:
    person = world.user("attend")
    person.expect("Waiting for technicians")
    file = tmp_path / "ticket.hrrec"
    key = ("--passphrase-file", str(world.passphrase_file))
    argv = world.handrail_argv("connect", "Reception", "--no-browser", "--want", "view", "--record", str(file), *key)
    command = Process(argv, tmp_path / "connect.log", env=world.environment)
    try:
        person.expect("record what they see of your screen")
        person.expect("Your answer")
        person.type("w\n")  # Watch never records: that is asked for by itself
        person.expect("CONNECTED")
        person.expect("record what they see of your screen")
        person.expect(r"\[y/N\]")
        person.type("y\n")
        command.wait_for("Recording to")
        person.expect("RECORDING: Ana Ruiz records this session from now on")

        def changes() -> int:
            """How many changes are in the file while it is being written."""
            return int(json.loads(world.handrail("recordings", "info", str(file), "--json", *key))["changes"])

        eventually(lambda: changes() >= 1, "the first picture", seconds=60)
        before = changes()
        display.run("xsetroot", "-solid", "#c04020")
        eventually(lambda: changes() > before, "the change", seconds=60)
        command.popen.send_signal(signal.SIGINT)
        command.wait()
    finally:
        command.kill()
    video = tmp_path / "ticket.mp4"
    world.handrail("recordings", "export", str(file), "-o", str(video), *key)
    import av

    with av.open(str(video)) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert shown[0].shape == (HEIGHT, WIDTH, 3)
    first, last = (np.median(frame.reshape(-1, 3), axis=0) for frame in (shown[0], shown[-1]))
    assert np.abs(first - (0x20, 0x40, 0x60)).max() < 12
    assert np.abs(last - (0xC0, 0x40, 0x20)).max() < 12
    person.stop()


def test_a_screenshot_without_a_browser(world: World, display: VirtualDisplay, tmp_path: Path) -> None:
    display.run("xsetroot", "-solid", "#123456")
    person = world.user("attend")
    person.expect("Waiting for technicians")
    file = tmp_path / "shot.png"
    argv = world.handrail_argv("screenshot", "Reception", "-o", str(file), "--passphrase-file", str(world.passphrase_file))
    command = Process(argv, tmp_path / "shot.log", env=world.environment)
    try:
        person.expect("Your answer")
        person.type("w\n")
        assert command.wait() == 0
    finally:
        command.kill()
        person.stop()
    image = Image.open(io.BytesIO(file.read_bytes())).convert("RGB")
    assert image.size == (WIDTH, HEIGHT)
    assert image.getpixel((5, 5)) == (0x12, 0x34, 0x56)
