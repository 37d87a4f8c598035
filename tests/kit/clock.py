"""A clock that moves when told."""


class Clock:
    """Monotonic seconds."""

    def __init__(self) -> None:
        self.value = 1000.0

    def __call__(self) -> float:
        return self.value
