"""Archives made piece by piece: read by another reader, with names that lead nowhere."""

import io
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from technician_client.zipping import Names, ZipWriter, plain_name


def made(archive: ZipWriter, *files: tuple[str, bytes]) -> bytes:
    data = b"".join(archive.begin(name, len(body), 1.7e9) + archive.write(body) + archive.end() for name, body in files)
    return data + archive.close()


def test_what_it_makes_is_an_archive_to_others_too(tmp_path: Path) -> None:
    archive = ZipWriter()
    folder = archive.folder("top/empty", float("nan"))
    (tmp_path / "made.zip").write_bytes(folder + made(archive, ("top/a.txt", b"one"), ("top/\u00fc.txt", b"")))
    assert shutil.which("python3")
    other = subprocess.run(
        ["python3", "-m", "zipfile", "-e", "made.zip", "out"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert other.returncode == 0, other.stderr
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*")) == [
        "top",
        "top/a.txt",
        "top/empty",
        "top/\u00fc.txt",
    ]
    assert (tmp_path / "out/top/a.txt").read_bytes() == b"one"


def test_nothing_may_be_run_and_impossible_times_are_possible_ones() -> None:
    archive = ZipWriter()
    data = archive.folder("f", -1e300) + archive.begin("f/late", 0, 1e300) + archive.end() + archive.close()
    folder, file = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert (stat.S_IMODE(file.external_attr >> 16), stat.S_ISREG(file.external_attr >> 16)) == (0o644, True)
    assert folder.is_dir()
    assert (folder.date_time[0], file.date_time[0]) == (1980, 2107)


def test_what_four_bytes_do_not_hold_is_written_in_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    data = made(ZipWriter(), *((f"{number}", bytes([number]) * 700 * number) for number in range(5)))
    assert b"PK\x06\x06" in data  # the end of the directory that counts in eight bytes
    read = zipfile.ZipFile(io.BytesIO(data))
    assert read.testzip() is None
    assert [len(read.read(f"{number}")) for number in range(5)] == [700 * number for number in range(5)]


def test_it_keeps_nothing_of_what_it_has_given() -> None:
    archive = ZipWriter()
    archive.begin("large", 10**9, 0.0)
    for _ in range(100):
        assert len(archive.write(b"x" * 100_000)) == 100_000
    assert len(archive._out.data) == 0


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        (b"..", "file"),
        (b" . ", "file"),
        (b'a\\b/c:d\n"', "a_b_c_d_x0a_"),
        (b"CON", "_CON"),
        (b"nul.txt", "_nul.txt"),
        (b"com1 .txt", "_com1 .txt"),
        (b"console", "console"),
        (b"\xff", "_xff"),
        ("\u202etxt.exe".encode(), "_u202etxt.exe"),
        ("\u00fcber.odt".encode(), "\u00fcber.odt"),
    ],
)
def test_names_lead_nowhere(name: bytes, plain: str) -> None:
    assert plain_name(name) == plain


def test_names_that_are_one_on_some_disk_are_told_apart() -> None:
    names = Names()
    given = [names.give(name) for name in (b"A.txt", b"a.txt", b"a (2).txt", b"a.TXT", b"...", b"..")]
    assert given == ["A.txt", "a (2).txt", "a (2) (2).txt", "a (3).TXT", "file", "file (2)"]
    assert len({name.casefold() for name in given}) == len(given)


def test_very_many_alike_do_not_take_ever_longer() -> None:
    names, counted = Names(), 0

    class Counting(dict[str, int]):
        def __contains__(self, key: object) -> bool:
            nonlocal counted
            counted += 1
            return super().__contains__(key)

    names._taken = Counting()
    for number in range(2000):
        names.give("".join(one.upper() if number >> at & 1 else one for at, one in enumerate("abcdefghijk")).encode())
    assert counted < 5 * 2000
