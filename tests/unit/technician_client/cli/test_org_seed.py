"""`handrail org seed`."""

from pathlib import Path

from protocol.seeds import decode_seed
from tests.kit.founded import Founded
from tests.kit.org_commands import command_line


def test_the_seed_is_written_and_says_what_to_compare(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    founded = Founded(home, relay_spki="ab" * 32)
    path = tmp_path / "example.seed"
    ran = command_line(home, "org", "seed", "--out", str(path))
    assert ran.code == 0, ran.err
    assert "abab:abab" in ran.out
    assert 'handrail-agent guest example.seed "what is wrong"' in ran.out
    assert decode_seed(path.read_bytes()).root == founded.record.root
    again = command_line(home, "org", "seed", "--out", str(path))
    assert again.code != 0 and "already" in again.err
    told = command_line(home, "org", "seed", "--out", str(tmp_path / "two.seed"), "--json")
    assert told.json["organisation"] == founded.record.organisation


def test_before_there_is_a_relay_there_is_no_seed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    Founded(home, relay="")
    ran = command_line(home, "org", "seed", "--out", str(tmp_path / "x.seed"))
    assert ran.code == 3 and "org register" in ran.err
