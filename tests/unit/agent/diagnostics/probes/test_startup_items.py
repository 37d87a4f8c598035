"""What starts at login."""

from pathlib import Path

from agent.diagnostics.probes.startup_items import StartupItems, is_enabled, parse_desktop_entry, startup_rows
from tests.kit.recorded import machine, recorded


def test_recording() -> None:
    entry = parse_desktop_entry(recorded("autostart.desktop"))
    assert entry["Name"] == "Update Notifier" and "Hidden" not in entry
    assert not is_enabled(entry) and is_enabled({}) and not is_enabled({"Hidden": "true"})


def test_a_users_file_stands_in_for_the_systems(tmp_path: Path) -> None:
    system, user = tmp_path / "system", tmp_path / "user"
    for directory in (system, user):
        directory.mkdir()
    (system / "notifier.desktop").write_text("[Desktop Entry]\nName=Notifier\n")
    (system / "agent.desktop").write_text("[Desktop Entry]\nExec=agent --token=secret\n")
    (user / "notifier.desktop").write_text(recorded("autostart.desktop"))
    (user / "gone.desktop").symlink_to(tmp_path / "nowhere")
    rows = {row["name"]: row for row in startup_rows(system, user, "ana")}
    assert set(rows) == {"agent", "Update Notifier"}
    assert (rows["Update Notifier"]["status"], rows["Update Notifier"]["username"]) == ("disabled", "ana")
    assert rows["agent"]["status"] == "enabled" and "secret" not in str(rows)


async def test_none(tmp_path: Path) -> None:
    assert await StartupItems().rows(machine(tmp_path)) == []
