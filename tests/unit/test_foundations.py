"""Organisations made once and copied: each world has one of its own, and what is copied says where it lies."""

import json
from pathlib import Path

from technician_client.identity import unlock
from tests.kit.foundations import COPIED, NAMES_ITS_PLACE, Foundations
from tests.kit.world import World


def pretended(directory: Path, tapped: bool) -> tuple[int, int]:
    """Files of the right names, which say where they lie."""
    for name in (*(name for name in COPIED if name not in ("relay", "technician")), *NAMES_ITS_PLACE, "relay/relay.toml"):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(f'{{"is": "{directory}/{name}"}}')
    return (1, 2) if tapped else (1, 1)


def test_two_worlds_at_once_have_two_and_one_after_the_other_the_same() -> None:
    foundations = Foundations(pretended)
    first, second, tapped = foundations.lend(False), foundations.lend(False), foundations.lend(True)
    assert len({one.directory for one in (first, second, tapped)}) == 3
    assert (first.relay_port, tapped.relay_port) == (1, 2)
    second.lent = False
    assert foundations.lend(False) is second


def test_a_copy_says_where_it_lies(tmp_path: Path) -> None:
    foundation = Foundations(pretended).lend(False)
    foundation.copy_to(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(COPIED)
    for name in NAMES_ITS_PLACE:
        assert json.loads((tmp_path / name).read_text()) == {"is": f"{tmp_path}/{name}"}


def test_a_copied_organisation_names_nothing_of_the_place_where_it_was_made(tmp_path: Path) -> None:
    """By the real commands: no file of the copy names another place, and it opens with its own passphrase."""
    world = World(tmp_path / "world")
    try:
        world.established()
        assert world.foundation is not None
        made = str(world.foundation.directory).encode()
        assert [path for path in world.directory.rglob("*") if path.is_file() and made in path.read_bytes()] == []
        assert world.directory.joinpath("technician", "identity", "identity.json").stat().st_mode & 0o777 == 0o600
        assert unlock(world.home / "identity", passphrase_file=world.passphrase_file).name == "Ana Ruiz"
    finally:
        world.stop()
    assert not world.foundation.lent
