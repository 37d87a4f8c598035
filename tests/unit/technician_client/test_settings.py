"""Settings: defaults, file, environment."""

from pathlib import Path

import pytest

from technician_client.settings import SETTINGS_FILE, SettingsError, home_directory, load_settings


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings.concurrency == 8
    assert settings.proxy is None
    assert settings.identity_directory == tmp_path / "identity"
    assert settings.organisation_directory == tmp_path / "organisation"
    assert settings.receipts_directory == tmp_path / "receipts"
    assert settings.known_devices_file == tmp_path / "known_devices.json"


def test_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text('concurrency = 3\nrequest_seconds = 2.5\nproxy = ""\n')
    settings = load_settings(tmp_path)
    assert (settings.concurrency, settings.request_seconds, settings.proxy) == (3, 2.5, "")
    assert (settings.dialling.connect_seconds, settings.dialling.proxy) == (10.0, "")


@pytest.mark.parametrize(
    "text", ["concurrency = 0", "concurrency = 'many'", "colour = 'red'", "not toml", "request_seconds = -1", "\xff"]
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / SETTINGS_FILE).write_text(text, "latin-1")
    with pytest.raises(SettingsError, match=SETTINGS_FILE):
        load_settings(tmp_path)


def test_the_home_is_the_argument_else_the_environment_else_the_users(tmp_path: Path) -> None:
    assert home_directory(tmp_path, {"HANDRAIL_HOME": "/elsewhere"}) == tmp_path
    assert home_directory(None, {"HANDRAIL_HOME": str(tmp_path)}) == tmp_path
    assert home_directory(None, {}).name == "handrail"
