"""What a shell completes from what this computer knows."""

import json
from pathlib import Path

import msgspec
import pytest
from click.shell_completion import ShellComplete

from hostio.private_files import write_private
from technician_client.cli.main import cli
from technician_client.known import KnownDevice
from tests.kit.past import CUT, SESSION, keep_two_sessions


@pytest.fixture
def home(tmp_path: Path) -> Path:
    known = {
        "k3v9w2m4x7q1": KnownDevice("till-3", "tills", 1.0),
        "m2m2m2m2m2m2": KnownDevice("Reception PC", "front", 1.0),
        "h0h0h0h0h0h0": KnownDevice("$(reboot)", "\x1b[2J", 1.0),
    }
    write_private(tmp_path / "known_devices.json", msgspec.json.encode(known))
    keep_two_sessions(tmp_path)
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "20261121-120003-till-3.hrrec").touch()
    targets = {f"scripts/{name}/1.0/manifest.json": {} for name in ("flush-dns", "free-disk-space")}
    signed = tmp_path / "library" / "metadata" / "scripts.json"
    signed.parent.mkdir(parents=True)
    signed.write_text(json.dumps({"signed": {"targets": targets}, "signatures": []}))
    return tmp_path


def completed(home: Path, *words: str, begun: str = "") -> list[str]:
    shell = ShellComplete(cli, {}, "handrail", "_HANDRAIL_COMPLETE")
    return [item.value for item in shell.get_completions(["--home", str(home), *words], begun)]


@pytest.mark.parametrize(
    "words", [("connect",), ("diagnose",), ("shell",), ("files", "put"), ("screenshot",), ("chat",), ("logs",)]
)
def test_devices_are_completed_by_a_name_that_no_shell_takes_apart(home: Path, words: tuple[str, ...]) -> None:
    assert completed(home, *words) == ["till-3", "m2m2m2m2m2m2", "h0h0h0h0h0h0"]
    assert completed(home, *words, begun="TI") == ["till-3"]


def test_fixes_after_a_device(home: Path) -> None:
    assert completed(home, "fix", begun="f") == ["flush-dns", "free-disk-space"]
    assert completed(home, "fix", "till-3") == ["flush-dns", "free-disk-space"]
    assert "till-3" in completed(home, "fix")


def test_recordings_and_past_sessions(home: Path) -> None:
    assert completed(home, "recordings", "export") == ["20261121-120003-till-3"]
    assert completed(home, "receipts", "show") == ["last", SESSION, CUT]
    assert completed(home, "receipts", "export", begun="4f") == [SESSION]


def test_a_computer_that_knows_nothing_completes_nothing(tmp_path: Path) -> None:
    assert completed(tmp_path, "connect") == []
    assert completed(tmp_path, "fix") == []
    assert completed(tmp_path, "recordings", "info") == []
    (tmp_path / "technician.toml").write_text("nonsense = [")
    assert completed(tmp_path, "connect") == []
