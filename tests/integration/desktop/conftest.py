"""One organisation for every test of this folder that needs one: founding it takes most of such a test's time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.world import World


@pytest.fixture(scope="session")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Path]]:
    """Relay, organisation and signer, and the bundle that computers enrol with."""
    world = World(tmp_path_factory.mktemp("desktop") / "w")
    try:
        yield world, world.founded()
    finally:
        world.stop()


@pytest.fixture
def founded_world(organisation: tuple[World, Path], tmp_path: Path) -> World:
    """The organisation, and a computer of the test's own that is enrolled in it and on which nothing runs."""
    world, bundle = organisation
    world.agent_home = tmp_path / "agent"
    world.enrol(bundle)
    return world
