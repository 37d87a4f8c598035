"""`handrail quickstart`: one command, and what it says next."""

from pathlib import Path
from unittest import mock

import pytest

from tests.kit.http_relay import http_relay
from tests.kit.org_commands import command_line
from tests.kit.processes import free_port


@pytest.fixture(autouse=True)
def quick_keys() -> object:
    with mock.patch("protocol.keys._LOG_N", 10):
        yield


def test_it_says_what_it_chose_and_what_comes_next(tmp_path: Path) -> None:
    out, passphrase = tmp_path / "mine.handrail", tmp_path / "pass"
    with http_relay() as relay:
        ran = command_line(
            tmp_path / "home",
            "quickstart",
            "--relay",
            relay.url,
            "--token",
            "token",
            "--name",
            "Example",
            "--technician",
            "Ana",
            "--out",
            str(out),
            "--passphrase-file",
            str(passphrase),
        )
    assert ran.code == 0, ran.err
    for words in ("Example is ready", "tier 3", "thresholds of 1", "handrail org init", "handrail signer", "handrail console"):
        assert words in ran.out, words
    assert f"handrail-agent enrol {out}" in ran.out and out.exists()
    assert passphrase.stat().st_mode & 0o777 == 0o600 and len(passphrase.read_text().strip()) == 48
    assert passphrase.read_text().strip() not in ran.out + ran.err
    again = command_line(
        tmp_path / "home", "quickstart", "--relay", relay.url, "--token", "t", "--passphrase-file", str(passphrase)
    )
    assert again.code == 7 and "already" in again.err


def test_as_json_and_with_the_signer_kept_running(tmp_path: Path) -> None:
    with http_relay() as relay, mock.patch("technician_client.cli.quickstart.run_signer") as signer:
        ran = command_line(
            tmp_path / "home",
            "quickstart",
            "--relay",
            relay.url,
            "--token",
            "token",
            "--out",
            str(tmp_path / "x.handrail"),
            "--passphrase-file",
            str(tmp_path / "pass"),
            "--run-signer",
            "--json",
        )
    assert ran.code == 0, ran.err
    assert ran.json["relay"] == relay.url and ran.json["unlock"] == "file" and len(ran.json["fixes"]) >= 6
    assert signer.called


def test_a_relay_that_is_away_leaves_nothing_behind(tmp_path: Path) -> None:
    ran = command_line(
        tmp_path / "home",
        "quickstart",
        "--relay",
        f"http://127.0.0.1:{free_port()}",
        "--token",
        "token",
        "--passphrase-file",
        str(tmp_path / "pass"),
    )
    assert ran.code == 4 and "does not answer" in ran.err and not (tmp_path / "home" / "organisation").exists()


def test_an_address_that_cannot_be_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    ran = command_line(tmp_path / "home", "quickstart", "--relay", "http://relay.example")
    assert ran.code == 2
    assert "use https://" in ran.err
    assert "token" not in ran.err
