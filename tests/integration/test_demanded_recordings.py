"""Where policy demands it, a session is recorded from its beginning: one question, and nobody presses Record."""

import json
import signal
from pathlib import Path

import pytest

from tests.kit.display import virtual_display
from tests.kit.processes import Process
from tests.kit.waiting import eventually
from tests.kit.world import World

pytestmark = [pytest.mark.display]


def test_the_recording_begins_with_the_session_and_the_picture_with_the_recording(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    key = ("--passphrase-file", str(world.passphrase_file))
    with virtual_display(640, 360) as display:
        try:
            world.assisted(display.name, "--recording", "required")
            person = world.user("attend")
            person.expect("Waiting for technicians")
            argv = world.handrail_argv("connect", "Reception", "--no-browser", "--want", "view", *key)
            command = Process(argv, tmp_path / "connect.log", env=world.environment)
            try:
                person.expect(r"(?s)w = Watch: see your screen and record what they see of your screen.*Your answer \[w/y/N\]")
                person.type("w\n")
                person.expect("RECORDING: Ana Ruiz records this session from now on")
                command.wait_for("policy demands that this session is recorded")
                found = command.wait_for(r"Recording to (\S+\.hrrec)")

                def changes() -> int:
                    said = world.handrail("recordings", "info", found.group(1), "--json", *key)
                    return int(json.loads(said)["changes"])

                eventually(lambda: changes() >= 1, "the first picture", seconds=60)
                command.popen.send_signal(signal.SIGINT)
                command.wait()
            finally:
                command.kill()
            name = Path(found.group(1)).stem
            assert name in world.handrail("receipts", "export", "last"), "the receipt names the recording"
            picture = tmp_path / "reception.png"
            argv = world.handrail_argv("screenshot", "Reception", "-o", str(picture), *key)
            alone = Process(argv, tmp_path / "screenshot.log", env=world.environment)
            try:
                person.expect(r"(?s)w = Watch: see your screen and record what they see of your screen.*Your answer \[w/y/N\]")
                person.type("w\n")
                assert alone.wait(seconds=60) == 5
            finally:
                alone.kill()
            said = " ".join(alone.output.split())
            assert "policy demands that a session in which this display is seen is recorded" in said
            assert "handrail connect Reception --record FILE" in said
            assert not picture.exists()
        finally:
            world.stop()
