"""`load_average`: how many programs wanted to run."""

from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe, Unsupported
from protocol.messages.diagnostics import Row


def parse_loadavg(text: str) -> list[Row]:
    """/proc/loadavg (proc(5)): the averages over 1, 5 and 15 minutes come first."""
    words = text.split()[:3]
    return [{"period": period, "average": float(word)} for period, word in zip(("1m", "5m", "15m"), words, strict=True)]


class LoadAverage(Probe):
    """Three rows."""

    table: ClassVar = "load_average"

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        text = environment.read_text("/proc/loadavg", 256)
        if text is None:
            raise Unsupported("This machine has no /proc/loadavg.")
        return parse_loadavg(text)
