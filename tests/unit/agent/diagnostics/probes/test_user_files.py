"""Trash and SSH keys."""

import os
import time
from pathlib import Path

from agent.diagnostics.probes.user_files import UserFiles, ssh_rows, trash_row
from tests.kit.recorded import machine

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"


def test_trash_in_blocks_and_entries(tmp_path: Path) -> None:
    trash = tmp_path / "Trash"
    (trash / "files/folder/deep").mkdir(parents=True)
    (trash / "info").mkdir()
    (trash / "files/report.pdf").write_bytes(b"x" * 50_000)
    (trash / "files/folder/deep/film").write_bytes(b"x" * 200_000)
    info = trash / "info/report.pdf.trashinfo"
    info.write_text("[Trash Info]\nPath=/home/ana/secret-name.pdf\n")
    os.utime(info, (time.time() - 10 * 86400,) * 2)
    row = trash_row(trash, time.time())
    assert row is not None and row["items"] == 2 and row["oldest_days"] == 10.0
    assert 250_000 <= int(row["size"] or 0) < 400_000
    assert "secret-name" not in str(row)


def test_no_trash_and_an_endless_one(tmp_path: Path) -> None:
    assert trash_row(tmp_path / "Trash", 0) is None
    (tmp_path / "Trash/files/a/b").mkdir(parents=True)
    row = trash_row(tmp_path / "Trash", 0, seconds=0)
    assert row is not None and row["items"] == 1


def test_what_ssh_is_strict_about(tmp_path: Path) -> None:
    ssh = tmp_path / ".ssh"
    ssh.mkdir(mode=0o700)
    for name, text, mode in (
        ("id_ed25519", KEY, 0o600),
        ("id_ed25519.pub", "ssh-ed25519 AAAA ana", 0o644),
        ("work.pem", KEY, 0o640),
        ("authorized_keys", "ssh-ed25519 AAAA", 0o664),
        ("config", "Host *", 0o644),
        ("notes", "nothing", 0o666),
    ):
        (ssh / name).write_text(text)
        (ssh / name).chmod(mode)
    (ssh / "link").symlink_to(ssh / "work.pem")
    rows = {row["path"]: row for row in ssh_rows(ssh)}
    assert set(rows) == {"~/.ssh", "~/.ssh/id_ed25519", "~/.ssh/work.pem", "~/.ssh/authorized_keys", "~/.ssh/config"}
    assert {path for path, row in rows.items() if row["loose"]} == {"~/.ssh/work.pem", "~/.ssh/authorized_keys"}
    assert (rows["~/.ssh/work.pem"]["kind"], rows["~/.ssh/work.pem"]["mode"]) == ("ssh_key", "0640")
    assert "b3Blbn" not in str(rows)
    ssh.chmod(0o777)
    assert ssh_rows(ssh)[0]["loose"] is True


async def test_an_empty_home(tmp_path: Path) -> None:
    assert await UserFiles().rows(machine(tmp_path)) == []
