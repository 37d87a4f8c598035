"""The CLIPBOARD selection of an X display (ICCCM section 2): owned and read by a window of our own, changes told by XFixes.

One thread owns the connection. It answers other programs at any moment while what was put there is ours; the calls of the
session are handed to it one at a time. Contents beyond a request's size go in pieces (INCR) both ways.
"""

import os
import queue
import select
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import xcffib
import xcffib.xfixes
import xcffib.xproto as xproto

from agent.backends.base import DisplayLost
from agent.backends.clipboard import Offer
from agent.backends.x11.connection import X11Connection, lost_display
from protocol.errors import HandrailError, RefusalReason, Refused, Unavailable
from protocol.messages.clipboard import Kind, most_bytes

T = TypeVar("T")
PIECE: Final = 64 * 1024
WAIT_SECONDS: Final = 3.0
PIECE_SECONDS: Final = 5.0
MOST_TARGETS: Final = 200
HINT: Final = "x-kde-passwordManagerHint"
TEXTS: Final = ("UTF8_STRING", "text/plain;charset=utf-8", "STRING", "text/plain", "TEXT")
PROPERTY: Final = "HANDRAIL_CLIPBOARD"
NAMES: Final = ("CLIPBOARD", "TARGETS", "TIMESTAMP", "INCR", "ATOM", "INTEGER", "image/png", PROPERTY, HINT, *TEXTS)


@dataclass(slots=True)
class _Sending:
    """A piecewise answer to another program: it deletes the property, we put the next piece there."""

    window: int
    property: int
    target: int
    data: bytes
    at: int = 0
    until: float = field(default_factory=lambda: time.monotonic() + PIECE_SECONDS)


class X11Clipboard:
    """Implements `agent.backends.clipboard.Clipboard`."""

    def __init__(self, display: str, on_change: Callable[[], None]) -> None:
        """Connect and begin to listen.

        Raises:
            Unavailable: no such display, or it has no XFixes.
        """
        self._connection = X11Connection(display)
        self._on_change = on_change
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._owned: tuple[Kind, bytes] | None = None
        self._owned_at = 0
        self._sending: dict[tuple[int, int], _Sending] = {}
        self._events: list[Any] = []
        try:
            self._set_up()
        except (HandrailError, xcffib.Error) as error:
            self._connection.close()
            self._close_pipe()
            raise Unavailable(f"The clipboard of this display cannot be used: {error}") from error
        self._thread = threading.Thread(target=self._run, name="clipboard", daemon=True)
        self._thread.start()

    def _set_up(self) -> None:
        connection = self._connection
        self._core = connection.core
        with lost_display():
            self._window = connection.raw.generate_id()
            mask = xproto.EventMask.PropertyChange
            self._core.CreateWindow(
                0, self._window, connection.root, 0, 0, 1, 1, 0, xproto.WindowClass.InputOnly, 0, xproto.CW.EventMask, [mask]
            )
            cookies = [self._core.InternAtom(False, len(name), name) for name in NAMES]
            self._atoms = {name: cookie.reply().atom for name, cookie in zip(NAMES, cookies, strict=True)}
            xfixes = connection.extension(xcffib.xfixes.key, "XFIXES")
            xfixes.QueryVersion(5, 0).reply()
            wanted = xcffib.xfixes.SelectionEventMask
            xfixes.SelectSelectionInput(
                self._window,
                self._atoms["CLIPBOARD"],
                wanted.SetSelectionOwner | wanted.SelectionWindowDestroy | wanted.SelectionClientClose,
            )
            connection.flush()

    # -- calls, from any thread ---------------------------------------------------------------------------------------

    def offer(self) -> Offer:
        """See `Clipboard`."""
        return self._call(self._offer)

    def read(self, kind: Kind) -> bytes:
        """See `Clipboard`."""
        return self._call(lambda: self._read(kind))

    def write(self, kind: Kind, data: bytes) -> None:
        """See `Clipboard`."""
        self._call(lambda: self._own(kind, data))

    def close(self) -> None:
        """See `Clipboard`."""
        self._calls.put(None)
        self._ring()
        self._thread.join(WAIT_SECONDS)

    def _call(self, work: Callable[[], T]) -> T:
        answer: Future[T] = Future()

        def do() -> None:
            try:
                with lost_display():
                    answer.set_result(work())
            except (HandrailError, xcffib.Error) as error:
                answer.set_exception(error)

        if not self._thread.is_alive():
            raise DisplayLost("The display went away. Ask again when somebody is logged in.")
        self._calls.put(do)
        self._ring()
        try:
            return answer.result(WAIT_SECONDS * 4)
        except TimeoutError as error:
            raise Unavailable("The program that owns the clipboard there does not answer.") from error
        except xcffib.Error as error:
            raise Unavailable("The display refused to use the clipboard.") from error

    def _ring(self) -> None:
        try:
            os.write(self._waker, b".")
        except (BlockingIOError, OSError):
            return  # it has been rung already, or nobody is there any more

    # -- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._work():
                self._connection.sleep(1.0 if self._sending else None, self._wake)
        except HandrailError:
            pass  # the display went away: calls say so from now on
        finally:
            self._connection.close()
            self._close_pipe()

    def _close_pipe(self) -> None:
        os.close(self._wake)
        os.close(self._waker)
        self._waker = -1

    def _work(self) -> bool:
        """Everything that there is to do now; False: enough."""
        try:
            os.read(self._wake, 4096)
        except BlockingIOError:
            pass  # nobody rang
        while True:
            for event in self._taken():
                self._answer(event)
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                break
            if call is None:
                return False
            call()
        now = time.monotonic()
        self._sending = {key: sending for key, sending in self._sending.items() if sending.until > now}
        self._connection.flush()
        return True

    def _taken(self) -> list[Any]:
        taken, self._events = [*self._events, *self._connection.events()], []
        return taken

    def _answer(self, event: Any) -> None:
        """One event that nobody waits for."""
        match event:
            case xproto.SelectionRequestEvent():
                self._serve(event)
            case xproto.PropertyNotifyEvent() if event.state == xproto.Property.Delete:
                self._send_on(event.window, event.atom)
            case xproto.SelectionClearEvent():
                self._owned = None
            case xcffib.xfixes.SelectionNotifyEvent():
                if event.owner != self._window:
                    self._owned = None
                self._on_change()
            case _:
                return

    def _wait(self, wanted: Callable[[Any], bool], seconds: float) -> Any:
        """The first event that is wanted; others are answered meanwhile.

        Raises:
            Unavailable: it does not come in time.
        """
        end = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._connection.raw.get_file_descriptor(), select.POLLIN)
        self._connection.flush()
        while True:
            events = self._taken()
            for at, event in enumerate(events):
                if wanted(event):
                    self._events = events[at + 1 :]
                    return event
                self._answer(event)
            self._connection.flush()
            left = end - time.monotonic()
            if left <= 0:
                raise Unavailable("The program that owns the clipboard there does not answer.")
            poll.poll(min(left, 0.5) * 1000)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _targets(self) -> frozenset[int]:
        atom = self._atoms["TARGETS"]
        data = self._convert(atom, MOST_TARGETS * 4)
        return frozenset() if data is None else frozenset(struct.unpack(f"={len(data) // 4}I", data[: len(data) // 4 * 4]))

    def _offer(self) -> Offer:
        if self._owned is not None:
            return Offer((self._owned[0],), ours=True)
        if self._core.GetSelectionOwner(self._atoms["CLIPBOARD"]).reply().owner == 0:
            return Offer()
        targets = self._targets()
        kinds: list[Kind] = ["text"] if any(self._atoms[name] in targets for name in TEXTS) else []
        if self._atoms["image/png"] in targets:
            kinds.append("image")
        return Offer(tuple(kinds), concealed=self._atoms[HINT] in targets)

    def _read(self, kind: Kind) -> bytes:
        if self._owned is not None:
            if self._owned[0] == kind:
                return self._owned[1]
            raise Refused(f"There is no {kind} on the clipboard there.", reason=RefusalReason.NOT_FOUND)
        targets = self._targets()
        if self._atoms[HINT] in targets:
            text = "A password manager marked this as a secret. It is not sent."
            raise Refused(text, reason=RefusalReason.LOCKED)
        names = TEXTS if kind == "text" else ("image/png",)
        for name in names:
            if self._atoms[name] not in targets:
                continue
            data = self._convert(self._atoms[name], most_bytes(kind))
            if data is not None:
                latin = name in ("STRING", "TEXT")
                return data.decode("latin-1").encode() if latin and not _is_utf8(data) else data
        raise Refused(f"There is no {kind} on the clipboard there.", reason=RefusalReason.NOT_FOUND)

    def _convert(self, target: int, most: int) -> bytes | None:
        """Ask the owner for one form; None: it has none.

        Raises:
            Refused: larger than `most`. Unavailable: it does not answer.
        """
        selection, into = self._atoms["CLIPBOARD"], self._atoms[PROPERTY]
        with lost_display():
            self._core.DeleteProperty(self._window, into)
            self._core.ConvertSelection(self._window, selection, target, into, xproto.Time.CurrentTime)
        notify = self._wait(lambda event: isinstance(event, xproto.SelectionNotifyEvent) and event.target == target, WAIT_SECONDS)
        if notify.property == 0:
            return None
        kind, data = self._property(most)
        if kind != self._atoms["INCR"]:
            return data
        parts = bytearray()
        while True:
            self._wait(
                lambda event: (
                    isinstance(event, xproto.PropertyNotifyEvent)
                    and event.window == self._window
                    and event.atom == into
                    and event.state == xproto.Property.NewValue
                ),
                PIECE_SECONDS,
            )
            _, piece = self._property(most - len(parts))
            if not piece:
                return bytes(parts)
            parts += piece

    def _property(self, most: int) -> tuple[int, bytes]:
        """Take what was put on our window.

        Raises:
            Refused: larger than `most`.
        """
        with lost_display():
            reply = self._core.GetProperty(
                True, self._window, self._atoms[PROPERTY], xproto.GetPropertyType.Any, 0, most // 4 + 1
            ).reply()
        data = bytes(reply.value.buf())
        if reply.bytes_after or len(data) > most:
            self._core.DeleteProperty(self._window, self._atoms[PROPERTY])
            raise Refused("What is on the clipboard there is too large.", reason=RefusalReason.LIMIT)
        return int(reply.type), data

    # -- owning -------------------------------------------------------------------------------------------------------

    def _own(self, kind: Kind, data: bytes) -> None:
        clipboard = self._atoms["CLIPBOARD"]
        with lost_display():
            self._owned = (kind, data)
            self._core.SetSelectionOwner(self._window, clipboard, xproto.Time.CurrentTime)
            owner = self._core.GetSelectionOwner(clipboard).reply().owner
        if owner != self._window:
            self._owned = None
            raise Unavailable("Another program took the clipboard there at the same moment. Try again.")

    def _forms(self) -> list[int]:
        """What is ours can be had as these."""
        assert self._owned is not None
        names = TEXTS[:2] if self._owned[0] == "text" else ("image/png",)
        return [self._atoms[name] for name in ("TARGETS", *names)]

    def _serve(self, event: Any) -> None:
        """Another program asks for what is ours."""
        into = event.property or event.target
        given = 0
        if self._owned is not None and event.target in self._forms():
            given = into
            if event.target == self._atoms["TARGETS"]:
                forms = self._forms()
                self._put(event.requestor, into, self._atoms["ATOM"], 32, struct.pack(f"={len(forms)}I", *forms))
            elif len(self._owned[1]) > PIECE:
                self._begin(event.requestor, into, event.target, self._owned[1])
            else:
                self._put(event.requestor, into, event.target, 8, self._owned[1])
        notify = struct.pack("=BxHIIIII8x", 31, 0, event.time, event.requestor, event.selection, event.target, given)
        self._core.SendEvent(False, event.requestor, 0, notify)

    def _put(self, window: int, into: int, kind: int, width: int, data: bytes) -> None:
        self._core.ChangeProperty(xproto.PropMode.Replace, window, into, kind, width, len(data) // (width // 8), data)

    def _begin(self, window: int, into: int, target: int, data: bytes) -> None:
        self._core.ChangeWindowAttributes(window, xproto.CW.EventMask, [xproto.EventMask.PropertyChange])
        self._sending[window, into] = _Sending(window, into, target, data)
        self._put(window, into, self._atoms["INCR"], 32, struct.pack("=I", len(data)))

    def _send_on(self, window: int, into: int) -> None:
        sending = self._sending.get((window, into))
        if sending is None:
            return
        piece = sending.data[sending.at : sending.at + PIECE]
        sending.at += len(piece)
        sending.until = time.monotonic() + PIECE_SECONDS
        self._put(window, into, sending.target, 8, piece)
        if not piece:
            del self._sending[window, into]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
