"""Settings: from a file, overridden by the environment, read only when asked."""

from pathlib import Path

import pytest

from agent.settings import LinkSettings, SettingsError, default_home, load_settings


def test_nothing_set_gives_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert settings.home == tmp_path
    assert settings.screen.max_fps == 60
    assert settings.socket == tmp_path / "agent.sock"


def test_the_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("[screen]\nmax_fps = 30\nvideo = false\n[session]\nmost = 2\n")
    settings = load_settings(tmp_path, {"HANDRAIL_AGENT_SCREEN_MAX_FPS": "15", "HANDRAIL_AGENT_LOG_LEVEL": "debug"})
    assert (settings.screen.max_fps, settings.screen.video) == (15, False)
    assert (settings.session.most, settings.log.level) == (2, "debug")


@pytest.mark.parametrize(
    "text",
    [
        "[screen]\nmax_fps = 1000\n",
        "[screen]\nfps = 30\n",
        "[consent]\nanswer = true\n",
        "[screen\n",
        'home = "/elsewhere"\n',
        "[link]\nbackoff_first = -1\n",
        "screen = 5\n",
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "agent.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"agent\.toml"):
        load_settings(tmp_path, {})


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="HANDRAIL_AGENT_"):
        load_settings(tmp_path, {"HANDRAIL_AGENT_SCREEN_MAX_FPS": "fast"})


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("#" * 70_000)
    with pytest.raises(SettingsError, match="larger"):
        load_settings(tmp_path, {})


def test_a_file_that_is_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path, {})


def test_no_variable_answers_consent(tmp_path: Path) -> None:
    """Whatever is in the environment, only known settings change, and none of them is about consent."""
    names = ("HANDRAIL_AGENT_CONSENT", "HANDRAIL_AGENT_CONSENT_ANSWER", "HANDRAIL_AGENT_YES", "HANDRAIL_AGENT_SESSION")
    assert load_settings(tmp_path, dict.fromkeys(names, "yes")) == load_settings(tmp_path, {})


def test_the_home_comes_from_the_environment_or_the_system() -> None:
    assert default_home({"HANDRAIL_AGENT_HOME": "/somewhere"}) == Path("/somewhere")
    assert default_home({}).name == "handrail-agent"


@pytest.mark.parametrize(("said", "proxy"), [("", None), ("none", ""), ("http://proxy:3128", "http://proxy:3128")])
def test_the_relay_is_dialled_as_the_settings_say(said: str, proxy: str | None) -> None:
    dialling = LinkSettings(proxy=said, connect_seconds=7.0, send_buffer=8192).dialling
    assert (dialling.connect_seconds, dialling.proxy, dialling.write_limit) == (7.0, proxy, 8192)
