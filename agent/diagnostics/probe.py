"""What a probe is.

A probe answers for one table of the allow-list. It returns rows, or raises one of two errors whose text the technician sees:
`Unsupported` (this machine has no such thing, nothing is wrong) or `ProbeError` (it should have worked). It must bear being
cancelled at any await; what would block runs through `Environment.thread`, what is another program through `Environment.run`.
"""

import os
import shutil
import threading
from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import ClassVar, ParamSpec, TypeVar

from agent.children import SEARCH_PATH, Captured, capture
from protocol.errors import HandrailError, Unavailable
from protocol.messages.diagnostics import Row

P = ParamSpec("P")
T = TypeVar("T")


class Unsupported(HandrailError):
    """This machine has nothing to answer with; the text says what is missing."""


class ProbeError(HandrailError):
    """The probe should have worked and did not; the text says why."""


class Cost(Enum):
    """What a probe mostly does. Those that compute share the processors; those that wait do not hold them up."""

    COMPUTES = "computes"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Target:
    """Something whose reachability is tested. `pin`: hex SHA-256 of the SPKI that its certificate must have ("": CAs judge)."""

    host: str
    port: int
    tls: bool = True
    pin: str = ""


class Threads:
    """Blocking calls in threads that may be left behind.

    A call that hangs in the kernel (a dead network file system) cannot be stopped, only left; the thread is a daemon so that
    the agent can still end, and while it hangs the same key is refused at once, so that snapshots do not pile threads up.
    """

    def __init__(self) -> None:
        self._running: dict[str, threading.Thread] = {}

    async def call(self, key: str, function: Callable[[], T]) -> T:
        """`function()` in a thread of its own.

        Raises:
            ProbeError: the last call of this key still hangs.
            Exception: whatever `function` raised.
        """
        previous = self._running.get(key)
        if previous is not None and previous.is_alive():
            raise ProbeError(f"An earlier question of the same kind still has no answer ({key}); it hangs in the system.")
        loop = get_running_loop()
        future: Future[T] = loop.create_future()
        thread = threading.Thread(target=_into, args=(loop, future, function), name=f"probe {key}", daemon=True)
        self._running[key] = thread
        thread.start()
        try:
            return await future
        finally:
            if not future.cancelled():
                del self._running[key]


def _into(loop: AbstractEventLoop, future: "Future[T]", function: Callable[[], T]) -> None:
    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T allows it

    result: T | None = None
    problem: BaseException | None = None
    try:
        result = function()
    except Exception as error:  # noqa: BLE001 - carried over to the caller, who awaits it
        problem = error
    try:
        loop.call_soon_threadsafe(settle, result, problem)
    except RuntimeError:
        return  # the loop has ended in the meantime; nobody waits for this answer


@dataclass(frozen=True, slots=True)
class Environment:
    """What probes see of the world; tests put recorded trees in its place.

    `root`: where /proc, /etc and /var are read; `home`: home directory of the agent's user; `wall`: seconds since 1970;
    `sample_seconds`: how long rates are measured; `path`: where the system's tools are looked for.
    """

    wall: Callable[[], float]
    root: Path = Path("/")
    home: Path = field(default_factory=Path.home)
    targets: tuple[Target, ...] = ()
    sample_seconds: float = 0.5
    path: str = SEARCH_PATH
    threads: Threads = field(default_factory=Threads)

    def tool(self, name: str) -> str | None:
        """Absolute path of one of the system's programs, or None."""
        return shutil.which(name, path=self.path)

    async def run(self, argv: Sequence[str], *, seconds: float, max_bytes: int = 4 * 1024 * 1024) -> Captured:
        """Run one of the system's programs (bare name first).

        Raises:
            Unsupported: there is no such program here.
            ProbeError: it cannot be started, took too long or said too much.
        """
        tool = self.tool(argv[0])
        if tool is None:
            raise Unsupported(f"This machine has no `{argv[0]}`.")
        try:
            result = await capture([tool, *argv[1:]], seconds=seconds, max_bytes=max_bytes)
        except Unavailable as error:
            raise ProbeError(str(error)) from error
        if result.timed_out:
            raise ProbeError(f"`{argv[0]}` did not answer within {seconds:g} s.")
        if result.truncated:
            raise ProbeError(f"`{argv[0]}` said more than {max_bytes} bytes.")
        return result

    async def thread(self, key: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function in a thread of its own; see `Threads.call`."""
        return await self.threads.call(key, lambda: function(*args, **kwargs))

    def read_text(self, path: str, limit: int = 1024 * 1024) -> str | None:
        """Text of a small file below `root`, undecodable bytes replaced; None when it is not there or not readable."""
        try:
            with (self.root / path.lstrip("/")).open("rb") as file:
                return file.read(limit).decode(errors="replace")
        except OSError:
            return None

    def is_root(self) -> bool:
        """Whether the agent runs as the administrator."""
        return os.geteuid() == 0


class Probe(ABC):
    """One table's probe. `budget` in seconds, counted from when it is let run."""

    table: ClassVar[str]
    budget: ClassVar[float] = 1.0
    cost: ClassVar[Cost] = Cost.WAITS

    @abstractmethod
    async def rows(self, environment: Environment) -> list[Row]:
        """The rows, best first where there may be more than the table's budget.

        Raises:
            Unsupported, ProbeError: no rows; the text is for the technician.
        """


def failure(tool: str, result: Captured) -> str:
    """One line about a program that failed, from the first line it complained with."""
    complaint = result.stderr.decode(errors="replace").strip() or result.stdout.decode(errors="replace").strip()
    first = complaint.splitlines()[0] if complaint else "no explanation"
    return f"`{tool}` failed with exit code {result.exit_code}: {first}"
