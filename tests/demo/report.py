"""One line a check, and the count at the end."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Report:
    """Prints each check as it is settled; a failed one does not stop those that do not depend on it."""

    def __init__(self, write: Callable[[str], object] = sys.stdout.write) -> None:
        self._write = write
        self.passed = 0
        self.failed: list[str] = []

    @contextmanager
    def check(self, what: str) -> Iterator[list[str]]:
        """The body is the check; it may append details to the list. An AssertionError or a time-out fails it."""
        details: list[str] = []
        start = time.monotonic()
        try:
            yield details
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the check has failed and the others still count
            self.failed.append(what)
            first = str(error).strip().split("\n")
            self._say(f"FAILED  {what}: {type(error).__name__}: {' | '.join(line.strip() for line in first[:12])}")
        else:
            self.passed += 1
            told = f" ({'; '.join(details)})" if details else ""
            self._say(f"ok      {what}{told}  [{time.monotonic() - start:.1f} s]")

    def say(self, text: str) -> None:
        """A line that is no check."""
        self._say(text)

    def _say(self, text: str) -> None:
        self._write(text + "\n")
        sys.stdout.flush()

    def finish(self) -> int:
        """The last line, and the exit status."""
        total = self.passed + len(self.failed)
        self._say(f"demo: {self.passed} of {total} checks passed")
        return 1 if self.failed else 0
