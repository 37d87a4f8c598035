"""What a technician has chosen outlives the console."""

from pathlib import Path

import msgspec
import pytest

from technician_client.console.preferences import PREFERENCES_FILE, Preferences, PreferencesFile


def test_what_was_chosen_is_there_the_next_time(tmp_path: Path) -> None:
    file = PreferencesFile(tmp_path)
    assert file.now == Preferences()
    chosen = Preferences(
        theme="dark", favourites=["k3v9"], shortcuts={"code": "Alt+C"}, keyboards={"k3v9": "text"}, touch="touchpad"
    )
    file.save(chosen)
    assert file.now == PreferencesFile(tmp_path).now == chosen
    assert (tmp_path / PREFERENCES_FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"[]", b'{"theme":"pink"}', b'{"more":1}', b"\xff"])
def test_a_damaged_file_counts_as_nothing_chosen(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PREFERENCES_FILE).write_bytes(content)
    assert PreferencesFile(tmp_path).now == Preferences()


@pytest.mark.parametrize(
    "wrong",
    [
        {"favourites": ["../x"]},
        {"shortcuts": {"a": ""}},
        {"shortcuts": {"a": "x" * 41}},
        {"favourites": ["a"] * 1001},
        {"keyboards": {"k3v9": "auto"}},
        {"touch": "view"},
    ],
)
def test_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Preferences)
