"""`handrail signer` as a process: it says what it does and stops cleanly."""

import signal
from pathlib import Path

from tests.kit.founded import PASSPHRASE, Founded
from tests.kit.org_commands import command_line, passphrase_option
from tests.kit.processes import Process, command, free_port


def test_it_starts_says_what_is_wrong_and_stops_on_a_signal(tmp_path: Path) -> None:
    founded = Founded(tmp_path, relay=f"http://127.0.0.1:{free_port()}")
    argv = [command("handrail"), "--home", str(tmp_path), "signer", *passphrase_option(tmp_path)]
    process = Process(argv, tmp_path / "signer.log")
    try:
        process.wait_for("Signer of Example Ltd")
        process.wait_for("Published policy")
        process.wait_for("No link: The relay .* does not answer")
        process.popen.send_signal(signal.SIGTERM)
        assert process.wait() == 0 and process.output.rstrip().endswith("Stopped.")
    finally:
        process.kill()
    assert founded.repository.version("timestamp") == 1 and PASSPHRASE.decode() not in process.output


def test_it_needs_an_organisation_and_its_passphrase(tmp_path: Path) -> None:
    option = passphrase_option(tmp_path)
    assert command_line(tmp_path / "none", "signer", *option).code == 3
    Founded(tmp_path, relay="http://127.0.0.1:1")
    wrong = command_line(tmp_path, "signer", *passphrase_option(tmp_path / "w", b"wrong passphrase"))
    assert wrong.code == 7 and "passphrase" in wrong.err
