"""The entries that a desktop starts the windows by: one in its menu, with *Get help* below it, and one at every login.

Files of freedesktop.org's Desktop Entry Specification 1.5 and its Autostart Specification, in the user's own directories.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.desktop.texts import LANGUAGES, Texts
from protocol.errors import HandrailError

NAME = "handrail-desktop"
ICON = Path(__file__).parent / "icons" / "handrail.svg"
_RESERVED = set(" \t\n\"'\\><~|&;$*?#()`")


def places(environ: Mapping[str, str]) -> tuple[Path, Path, Path]:
    """Menu entry, login entry and icon of this user."""
    home = Path(environ.get("HOME", "~")).expanduser()
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    settings = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    icon = data / "icons" / "hicolor" / "scalable" / "apps" / f"{NAME}.svg"
    return data / "applications" / f"{NAME}.desktop", settings / "autostart" / f"{NAME}.desktop", icon


def quoted(argv: Sequence[str]) -> str:
    """A command as the key `Exec` wants it."""

    def one(word: str) -> str:
        word = word.replace("%", "%%")
        if not _RESERVED & set(word):
            return word
        inner = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in word)
        return f'"{inner}"'.replace("\\", "\\\\")

    return " ".join(one(word) for word in argv)


def entry(argv: Sequence[str]) -> str:
    """The file's text; `argv` starts the windows."""
    english = Texts(LANGUAGES[0])
    lines = ["[Desktop Entry]", "Type=Application", "Version=1.5", "Name=Handrail"]
    lines += _translated("Comment", "entry.comment")
    lines += [f"Exec={quoted(argv)}", f"Icon={NAME}", "Terminal=false", "Categories=Utility;RemoteAccess;", "Actions=help;"]
    lines += ["", "[Desktop Action help]", f"Name={english('entry.help')}"]
    lines += _translated("Name", "entry.help")[1:]
    lines += [f"Exec={quoted([*argv, '--get-help'])}", ""]
    return "\n".join(lines)


def _translated(key: str, words: str) -> list[str]:
    first, *others = LANGUAGES
    return [f"{key}={Texts(first)(words)}", *(f"{key}[{one}]={Texts(one)(words)}" for one in others)]


def install(argv: Sequence[str], environ: Mapping[str, str]) -> list[Path]:
    """Write the entries and the icon; what was written.

    Raises:
        HandrailError: a file cannot be written; the text says which.
    """
    menu, login, icon = places(environ)
    text = entry(argv)
    for path, content in ((menu, text), (login, text), (icon, ICON.read_text(encoding="utf-8"))):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        except OSError as error:
            raise HandrailError(f"{path} cannot be written: {error.strerror or error}.") from error
    return [menu, login, icon]


def remove(environ: Mapping[str, str]) -> list[Path]:
    """Take them away again; what there was.

    Raises:
        HandrailError: a file cannot be removed; the text says which.
    """
    found = [path for path in places(environ) if path.exists()]
    for path in found:
        try:
            path.unlink()
        except OSError as error:
            raise HandrailError(f"{path} cannot be removed: {error.strerror or error}.") from error
    return found
