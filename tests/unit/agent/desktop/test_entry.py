"""The entries in the desktop's menu and at login."""

import configparser
import shlex
from pathlib import Path

import pytest

from agent.desktop.entry import entry, install, places, quoted, remove
from protocol.errors import HandrailError

ARGV = ["/opt/hand rail/bin/handrail-agent", "--home", "/home/ana/50%", "desktop"]


def test_they_come_and_go(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    written = install(ARGV, environ)
    assert written == list(places(environ))
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        ".local/share/applications/handrail-desktop.desktop",
        ".config/autostart/handrail-desktop.desktop",
        ".local/share/icons/hicolor/scalable/apps/handrail-desktop.svg",
    ]
    assert install(ARGV, environ) == written
    assert remove(environ) == written
    assert remove(environ) == []
    elsewhere = places({"HOME": "/h", "XDG_DATA_HOME": "/d", "XDG_CONFIG_HOME": "/c"})
    assert [str(path).split("/")[1] for path in elsewhere] == ["d", "c", "d"]


def test_what_stands_in_them() -> None:
    parser = configparser.RawConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(entry(ARGV))
    main, helping = parser["Desktop Entry"], parser["Desktop Action help"]
    assert (main["Type"], main["Name"], main["Terminal"], main["Actions"]) == ("Application", "Handrail", "false", "help;")
    assert main["Comment[de]"] != main["Comment"]
    assert helping["Name"] == "Get help" and helping["Name[de]"] == "Hilfe holen"
    assert shlex.split(main["Exec"].replace("%%", "%")) == ARGV
    assert shlex.split(helping["Exec"].replace("%%", "%")) == [*ARGV, "--get-help"]


def test_a_command_is_quoted_as_the_specification_says() -> None:
    assert quoted(["a", "b c"]) == 'a "b c"'
    assert quoted(["$x"]) == '"\\\\$x"'
    assert quoted(["100%"]) == "100%%"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("")
    with pytest.raises(HandrailError, match="cannot be written"):
        install(ARGV, {"HOME": str(tmp_path)})
