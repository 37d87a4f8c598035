"""`handrail files` on a whole Handrail: folders there and back, hostile names, a relay that dies in the middle."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.cut_link import CutLink
from tests.kit.processes import Process, free_port
from tests.kit.shared_home import SharedHome, shared_home
from tests.kit.waiting import eventually
from tests.kit.world import World

ODD = b"odd \xff\x1b[2J"


@pytest.fixture(scope="module")
def cable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SharedHome, CutLink]]:
    """A device's home, and the cable between everybody and the relay."""
    world = World(tmp_path_factory.mktemp("world"))
    world.relay_port = free_port()
    link = CutLink(world.port, world.relay_port)
    try:
        with shared_home(world, tmp_path_factory.mktemp("home")) as made:
            yield made, link
    finally:
        link.stop()


@pytest.fixture
def home(cable: tuple[SharedHome, CutLink]) -> SharedHome:
    return cable[0]


def told(command: Process) -> list[dict[str, object]]:
    """The JSON lines that a command has printed."""
    return [json.loads(line) for line in command.output.splitlines() if line.startswith("{")]


def tree(path: Path) -> dict[bytes, str]:
    """What lies below a folder: names and hashes."""
    return {
        os.fsencode(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.is_symlink()
    }


def test_a_folder_goes_there_and_comes_back(home: SharedHome, tmp_path: Path) -> None:
    source = tmp_path / "papers"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "empty folder").mkdir()
    (source / "deep" / "er" / "data.bin").write_bytes(os.urandom(3_000_000))
    (source / "empty").write_bytes(b"")
    (source / os.fsdecode(ODD)).write_bytes(b"odd")
    (source / "run.sh").write_bytes(b"#!/bin/sh\n")
    (source / "run.sh").chmod(0o750)
    os.utime(source / "empty", (1_700_000_000, 1_700_000_000))
    (source / "link").symlink_to("/etc/passwd")
    person = home.person()
    put = home.files(person, tmp_path / "put.log", "put", "Reception PC", str(source), "--to", "Inbox")
    assert put.wait(seconds=180) == 0, put.output
    there = home.path / "Inbox" / "papers"
    assert tree(there) == tree(source)
    assert (there / "empty folder").is_dir()
    assert not (there / "link").exists()
    assert (there / "empty").stat().st_mtime == 1_700_000_000
    assert (there / "run.sh").stat().st_mode & 0o777 == 0o750

    (there / "out").symlink_to("/etc")
    back = tmp_path / "back"
    back.mkdir()
    get = home.files(person, tmp_path / "get.log", "get", "Reception PC", "Inbox/papers", "--to", str(back))
    assert get.wait(seconds=180) == 0, get.output
    assert tree(back / "papers") == tree(source)
    assert (back / "papers" / "run.sh").stat().st_mode & 0o111 == 0
    assert not (back / "papers" / "out").exists()
    files = {str(one["name"]): one for one in told(get)}
    assert files["Inbox/papers/odd \\xff\\x1b[2J"]["sha256"] == hashlib.sha256(b"odd").hexdigest()
    person.stop()


def test_nothing_is_written_over_unasked_and_the_record_names_each_file(home: SharedHome, tmp_path: Path) -> None:
    (home.path / "note.txt").write_text("theirs")
    (tmp_path / "note.txt").write_text("ours")
    person = home.person()
    for option, code in (("", 1), ("--skip", 0), ("--rename", 0), ("--replace", 0)):
        command = home.files(
            person,
            tmp_path / f"put{option}.log",
            "put",
            "Reception PC",
            str(tmp_path / "note.txt"),
            *([option] if option else []),
        )
        assert command.wait(seconds=180) == code, command.output
        assert (home.path / "note.txt").read_text() == ("ours" if option == "--replace" else "theirs")
    assert (home.path / "note (2).txt").read_text() == "ours"
    receipts = sorted((home.world.agent_home / "receipts").glob("*.json"))
    records = json.loads(receipts[-1].read_text())["records"]
    received = [record["detail"] for record in records if record["action"] == "file received"]
    assert received == [{"path": "note.txt", "size": 4, "sha256": hashlib.sha256(b"ours").hexdigest()}]
    person.stop()


def test_paths_that_lead_out_are_refused_by_name(home: SharedHome, tmp_path: Path) -> None:
    (home.path / "way-out").symlink_to("/")
    person = home.person()
    for path in ("../../etc/hostname", "way-out/etc/hostname"):
        command = home.files(person, tmp_path / "get.log", "get", "Reception PC", path, "--to", str(tmp_path))
        assert command.wait(seconds=180) == 5, command.output
        assert "no name for a file" in command.output or "links are not followed" in command.output
    person.stop()


@pytest.mark.parametrize("direction", ["put", "get"])
def test_the_relay_dies_in_the_middle_and_the_file_arrives_whole(
    cable: tuple[SharedHome, CutLink], tmp_path: Path, direction: str
) -> None:
    home, link = cable
    data = os.urandom(20_000_000)
    source = tmp_path / "big.bin" if direction == "put" else home.path / "taken.bin"
    target = home.path / "big.bin" if direction == "put" else tmp_path / "taken.bin"
    source.write_bytes(data)
    person = home.person()
    where = [str(source)] if direction == "put" else ["taken.bin", "--to", str(tmp_path)]
    command = home.files(person, tmp_path / "log", direction, "Reception PC", *where)
    link.hold_after(len(data))  # each byte goes through it twice: to the relay, and from there

    def arrived() -> int:
        return sum(path.stat().st_size for path in target.parent.glob(".handrail-*.part"))

    eventually(lambda: arrived() > 1_000_000, f"some of it has arrived: {command.output}", seconds=120)
    home.world.processes["relay"].kill()
    assert 0 < arrived() < len(data)
    link.let_go()
    home.world.start_relay()
    assert command.wait(seconds=240) == 0, command.output
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(data).digest()
    assert "Reconnecting" in command.output
    assert person.text.count("asks to connect to this computer") == 1
    person.stop()
