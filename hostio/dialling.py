"""How a program dials its relay. Apart from what dials, so that settings can be read without loading a network library."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialling:
    """`program` names itself to the relay; `proxy` is a URL, "" for none, None for the system's. `write_limit` is how many bytes
    may wait in this process before whoever sends is held back, `max_queue` how many messages may wait to be received."""

    program: str
    connect_seconds: float
    proxy: str | None = None
    write_limit: int = 32 * 1024
    max_queue: int = 16
