"""Bounded queues from one publisher to its subscribers, on one event loop."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, Self, TypeVar

T = TypeVar("T")
K = TypeVar("K")


class Subscription(Generic[T]):
    """What one subscriber still has to read. Iterate over it with `async for`; it ends when its publisher closes it.

    Use it as a context manager (or call `close`), so that a publisher never waits for somebody who has left.
    """

    def __init__(self, wants: Callable[[T], bool], limit: int, leave: Callable[["Subscription[T]"], None]) -> None:
        self._wants = wants
        self._limit = limit
        self._leave = leave
        self._items: deque[T] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._taken.set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        """No further item will be added (what is queued can still be read)."""
        return self._closed

    @property
    def full(self) -> bool:
        """The subscriber is behind by its whole limit."""
        return not self._closed and len(self._items) >= self._limit

    def offer(self, item: T) -> None:
        """Publisher: queue `item` if this subscriber wants it."""
        if self._closed or not self._wants(item):
            return
        self._items.append(item)
        self._arrived.set()
        if self.full:
            self._taken.clear()

    async def room(self) -> None:
        """Publisher: wait until the subscriber is no longer full (at once when it is not, or has left)."""
        await self._taken.wait()

    def finish(self) -> None:
        """Publisher: nothing more will come."""
        self._closed = True
        self._arrived.set()
        self._taken.set()

    def close(self) -> None:
        """Subscriber: leave, dropping what is queued."""
        self._items.clear()
        self.finish()
        self._leave(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._take()

    def _take(self) -> T:
        item = self._items.popleft()
        if len(self._items) < self._limit:
            self._taken.set()
        return item

    def waiting(self, kind: type[K]) -> K | None:
        """The next item if it is there already and of this type; else it stays, and None."""
        if not self._items or not isinstance(self._items[0], kind):
            return None
        item = self._take()
        assert isinstance(item, kind)
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


class Publisher(Generic[T]):
    """The subscribers of one source.

    Args:
        kept: how many of the newest items wait for the first subscriber, so that nothing is lost between the making of a source
            and the first `subscribe`.
    """

    def __init__(self, kept: int = 0) -> None:
        self._subscriptions: list[Subscription[T]] = []
        self._early: deque[T] | None = deque(maxlen=kept) if kept else None
        self._finished = False

    def subscribe(self, wants: Callable[[T], bool], limit: int = 256) -> Subscription[T]:
        """A new subscriber for the items for which `wants` is true. After `finish` it is closed from the start (but for what was
        kept for the first one)."""
        subscription = Subscription(wants, limit, self._left)
        early, self._early = self._early, None
        for item in early or ():
            subscription.offer(item)
        if self._finished:
            subscription.finish()
        else:
            self._subscriptions.append(subscription)
        return subscription

    def _left(self, subscription: Subscription[T]) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def publish(self, item: T) -> None:
        """Give `item` to everybody who wants it, now."""
        if self._early is not None:
            self._early.append(item)
        for subscription in tuple(self._subscriptions):
            subscription.offer(item)

    async def room(self) -> None:
        """Wait until no subscriber is full: the publisher's backpressure."""
        while full := [subscription for subscription in self._subscriptions if subscription.full]:
            await full[0].room()

    def finish(self) -> None:
        """End every subscription after what it still has queued."""
        self._finished = True
        for subscription in tuple(self._subscriptions):
            subscription.finish()
        self._subscriptions.clear()
