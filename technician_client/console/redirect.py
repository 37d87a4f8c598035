"""The file through which a browser is let in.

A token in a command line can be read by every process of the computer, so the browser is given the path of a file that only this
user can read. The file is a page that leads on to the console with a token that works once; it is written anew after each use
and removed when the console stops.
"""

import html
import os
from pathlib import Path

from protocol.errors import HandrailError

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0; url={url}">
<title>Handrail console</title></head>
<body><p><a href="{url}">Open the Handrail console</a></p></body></html>
"""


class RedirectError(HandrailError):
    """The file cannot be written with the modes it needs; the text names the path."""


class RedirectFile:
    """`console/open-<port>.html` in the home directory: mode 0600 in a directory of mode 0700."""

    def __init__(self, home: Path, port: int) -> None:
        self.path = home / "console" / f"open-{port}.html"

    def write(self, url: str) -> None:
        """Replace the file by one that leads to `url`.

        Raises:
            RedirectError: the directory or the file cannot be written.
        """
        directory = self.path.parent
        fresh = directory / f".{self.path.name}.new"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
            fresh.unlink(missing_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(_PAGE.format(url=html.escape(url, quote=True)))
            fresh.replace(self.path)
        except OSError as error:
            raise RedirectError(f"{self.path} cannot be written: {error}. Make room or mend its permissions.") from error

    def remove(self) -> None:
        """Take the file away; it does not matter when it is gone already."""
        self.path.unlink(missing_ok=True)
