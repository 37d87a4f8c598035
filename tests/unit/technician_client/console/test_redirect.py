"""The file that lets a browser in is readable by its owner alone."""

import stat
from pathlib import Path

import pytest

from technician_client.console.redirect import RedirectError, RedirectFile


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    redirect = RedirectFile(tmp_path, 4711)
    redirect.write("http://127.0.0.1:4711/open?token=abc")
    assert stat.S_IMODE(redirect.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(redirect.path.parent.stat().st_mode) == 0o700
    assert "http://127.0.0.1:4711/open?token=abc" in redirect.path.read_text("utf-8")
    assert "<script" not in redirect.path.read_text("utf-8")


def test_a_directory_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "console").mkdir(mode=0o755)
    RedirectFile(tmp_path, 1).write("http://127.0.0.1:1/open?token=a")
    assert stat.S_IMODE((tmp_path / "console").stat().st_mode) == 0o700


def test_it_is_replaced_and_removed(tmp_path: Path) -> None:
    redirect = RedirectFile(tmp_path, 1)
    redirect.write("http://127.0.0.1:1/open?token=first")
    redirect.write("http://127.0.0.1:1/open?token=second")
    assert "first" not in redirect.path.read_text("utf-8")
    redirect.remove()
    redirect.remove()
    assert list(redirect.path.parent.iterdir()) == []


def test_a_planted_file_or_link_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    redirect = RedirectFile(tmp_path, 1)
    redirect.path.parent.mkdir()
    redirect.path.symlink_to(victim)
    redirect.write("http://127.0.0.1:1/open?token=a")
    assert victim.read_text() == "precious"
    assert not redirect.path.is_symlink()


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "console").write_text("a file, not a directory")
    with pytest.raises(RedirectError, match="console"):
        RedirectFile(tmp_path, 1).write("http://127.0.0.1:1/open?token=a")


def test_the_address_is_quoted(tmp_path: Path) -> None:
    redirect = RedirectFile(tmp_path, 1)
    redirect.write('http://127.0.0.1:1/"><script>')
    assert "<script>" not in redirect.path.read_text("utf-8")
