"""The list of licences is complete and true."""

import re
import tomllib

from technician_client.console.about import LIBRARIES, about
from tests.architecture.source import ROOT

DISTRIBUTION = re.compile(r"[A-Za-z0-9-]+")


def test_every_library_of_the_technicians_side_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["technician"]]
    names = {match.group().lower() for line in needed if (match := DISTRIBUTION.match(line))}
    assert names == {name.lower() for name in LIBRARIES}


def test_versions_and_licences_are_those_installed() -> None:
    told = about()
    program, page = told["program"], told["page"]
    assert isinstance(program, list) and isinstance(page, list)
    assert len(program) == len(LIBRARIES)
    assert {row["name"] for row in page} >= {"preact", "htm", "@preact/signals"}
    for row in program + page:
        assert row["version"] and row["licence"] and "\n" not in row["licence"], row
