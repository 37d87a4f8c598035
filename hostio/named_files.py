"""Files that a person names on a command line: read whole, and not without end."""

from pathlib import Path

from hostio.errors import UnreadableFile


def read_named(path: Path, most: int, advice: str) -> bytes:
    """The bytes of a file; of one that is longer than `most` one byte more, so that whoever decodes them can tell.

    Raises:
        UnreadableFile: it cannot be read; the text ends with `advice`.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror or error}). {advice}") from error
