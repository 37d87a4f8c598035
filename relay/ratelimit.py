"""Counting what happens too often. Pure: `now` is monotonic seconds and comes in with every call."""

from collections import OrderedDict, deque
from collections.abc import Hashable


class SlidingWindow:
    """At most `limit` events per key within the last `seconds`. Remembers at most `keys` keys, dropping the least recent."""

    def __init__(self, limit: int, seconds: float, *, keys: int = 10_000) -> None:
        self._limit = limit
        self._seconds = seconds
        self._keys = keys
        self._events: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def hit(self, key: Hashable, now: float) -> None:
        """Count one event. More than `limit` stamps per key are never kept."""
        events = self._events.get(key)
        if events is None:
            events = self._events[key] = deque(maxlen=self._limit)
            if len(self._events) > self._keys:
                self._events.popitem(last=False)
        events.append(now)
        self._events.move_to_end(key)

    def blocked(self, key: Hashable, now: float) -> bool:
        """Whether the key has reached its limit within the window."""
        return self.retry_after(key, now) > 0.0

    def retry_after(self, key: Hashable, now: float) -> float:
        """Seconds until the key may try again; 0 when it may now."""
        events = self._events.get(key)
        if events is None:
            return 0.0
        while events and now - events[0] >= self._seconds:
            events.popleft()
        if not events:
            del self._events[key]
            return 0.0
        return events[0] + self._seconds - now if len(events) >= self._limit else 0.0

    def blocked_keys(self, now: float) -> list[Hashable]:
        """Every key that is at its limit now."""
        return [key for key in list(self._events) if self.blocked(key, now)]

    def __len__(self) -> int:
        return len(self._events)


class TokenBucket:
    """`rate` events a second, `burst` at once. It only says how long to wait: the sender is slowed, nothing is dropped."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> float:
        """Take one token; the seconds to wait before going on (0 most of the time)."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        self._tokens -= 1.0
        return 0.0 if self._tokens >= 0.0 else -self._tokens / self._rate
