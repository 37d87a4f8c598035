"""The local socket: how the user's own programs (terminal now, desktop later) talk to the daemon.

A Unix socket of mode 0600 in the agent's home of mode 0700; the kernel says who connects (SO_PEERCRED), and only the same user or
root is heard. Lines are bounded, decoded strictly, and a connection that sends anything else is told so and closed.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from agent.errors import LocalRefused, NotRunning
from agent.local_messages import (
    LINE_BYTES,
    AllowedReply,
    AnyRequest,
    AnySaid,
    AreYouThere,
    ArticlesReply,
    Done,
    Failed,
    Request,
    Said,
    StatusReply,
    StillHere,
)
from hostio.tasks import Supervisor
from protocol.errors import HandrailError, RefusalReason, Refused

Reply = Done | StatusReply | AllowedReply | ArticlesReply
_LOGGER = logging.getLogger(__name__)
_CREDENTIALS = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid
MOST_CONNECTIONS = 32
MOST_UNSENT_BYTES = 1024 * 1024
LONGEST_SOCKET_PATH = 107  # sun_path of unix(7), without its final NUL

_REQUESTS = msgspec.json.Decoder(AnyRequest)
_SAID = msgspec.json.Decoder(AnySaid)
_ENCODER = msgspec.json.Encoder()


class LocalConnection:
    """One program that is connected. `say` never blocks; a program that does not read is cut off."""

    def __init__(self, writer: asyncio.StreamWriter, pid: int) -> None:
        self._writer = writer
        self.pid = pid

    def say(self, said: Said) -> None:
        """Send one object."""
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            _LOGGER.warning("the local program %d does not read what it is sent; it was cut off", self.pid)
            self._writer.transport.abort()
            return
        self._writer.write(_ENCODER.encode(said) + b"\n")

    def cut(self, text: str) -> None:
        """End the connection for the reason in `text`, which is said where that can be: the program may read nothing any more."""
        self.say(Failed(0, RefusalReason.NO_ANSWER, text))
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        else:
            self._writer.close()


class LocalHandler(Protocol):
    """Who answers requests: the daemon."""

    async def request(self, connection: LocalConnection, request: Request) -> Said | None:
        """Carry it out; the answer, None for `Done`. A `HandrailError` becomes `Failed`."""

    def gone(self, connection: LocalConnection) -> None:
        """The program has disconnected."""


def peer_credentials(connection: socket.socket) -> tuple[int, int]:
    """Process id and user id of whoever is at the other end of a Unix socket, as the kernel says (unix(7))."""
    pid, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return pid, uid


def allowed_user(uid: int, own: int) -> bool:
    """Whether a program of user `uid` may talk to a daemon of user `own`."""
    return uid in (own, 0)


class LocalServer:
    """Serves the socket for as long as its context lasts."""

    def __init__(
        self,
        path: Path,
        handler: LocalHandler,
        *,
        credentials: Callable[[socket.socket], tuple[int, int]] = peer_credentials,
    ) -> None:
        self._path = path
        self._handler = handler
        self._credentials = credentials
        self._open = 0
        self._tasks = Supervisor()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen.

        Raises:
            HandrailError: the socket cannot be made; the text says why.
        """
        make_private(self._path.parent)
        if len(os.fsencode(self._path)) > LONGEST_SOCKET_PATH:
            raise HandrailError(f"{self._path} is too long for a socket's name: choose a shorter home (--home).")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # The lock file says that no other daemon serves this home: a socket file that is here was left behind by a crash.
            self._path.unlink(missing_ok=True)
            listener.bind(os.fspath(self._path))
            self._path.chmod(0o600)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise HandrailError(f"The local socket {self._path} cannot be made: {error.strerror or error}.") from error
        server = await asyncio.start_unix_server(self._accept, sock=listener, limit=LINE_BYTES)
        try:
            yield
        finally:
            server.close()
            await self._tasks.aclose()
            await server.wait_closed()
            self._path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _ = self._tasks.spawn(self._converse(reader, writer), "local connection")

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pid, uid = self._credentials(writer.get_extra_info("socket"))
        connection = LocalConnection(writer, pid)
        try:
            if not allowed_user(uid, os.getuid()):
                _LOGGER.warning("user %d tried the local socket (process %d): refused", uid, pid)
                connection.say(Failed(0, RefusalReason.POLICY, "Only the user of this agent, or root, may talk to it."))
            elif self._open >= MOST_CONNECTIONS:
                connection.say(Failed(0, RefusalReason.LIMIT, "Too many programs are connected to the agent: close some."))
            else:
                await self._serve(connection, reader)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _serve(self, connection: LocalConnection, reader: asyncio.StreamReader) -> None:
        self._open += 1
        try:
            while True:
                try:
                    line = await reader.readuntil(b"\n")
                except asyncio.IncompleteReadError:
                    return
                except asyncio.LimitOverrunError:
                    connection.say(Failed(0, RefusalReason.LIMIT, f"A line is longer than {LINE_BYTES} bytes."))
                    return
                if not await self._answer(connection, line):
                    return
        finally:
            self._open -= 1
            self._handler.gone(connection)

    async def _answer(self, connection: LocalConnection, line: bytes) -> bool:
        try:
            request = _REQUESTS.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            connection.say(Failed(0, RefusalReason.INVALID, f"This is not a request of the local socket: {error}."))
            return False
        try:
            answer = await self._handler.request(connection, request)
        except Refused as error:
            connection.say(Failed(request.id, error.reason, str(error)))
        except HandrailError as error:
            connection.say(Failed(request.id, RefusalReason.OFFLINE, str(error)))
        else:
            connection.say(Done(request.id) if answer is None else answer)
        return True


def make_private(directory: Path) -> None:
    """Make a directory that only its owner can enter.

    Raises:
        HandrailError: it cannot be made, or belongs to somebody else.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
        if status.st_uid != os.getuid():
            raise HandrailError(f"{directory} belongs to another user: choose a home of your own (--home).")
        if status.st_mode & 0o077:
            directory.chmod(0o700)
    except OSError as error:
        raise HandrailError(f"The directory {directory} cannot be used: {error.strerror or error}.") from error


class LocalClient:
    """A program's side of the socket: requests in order, events as they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._next = 1
        self._gone: HandrailError | None = None
        self._answers: dict[int, asyncio.Future[Reply]] = {}
        self.events: asyncio.Queue[Said | None] = asyncio.Queue()
        self._tasks = Supervisor()

    @property
    def gone(self) -> HandrailError | None:
        """Why the daemon is there no more; None while it is."""
        return self._gone

    @classmethod
    @asynccontextmanager
    async def connected(cls, path: Path) -> AsyncIterator["LocalClient"]:
        """Connect to the daemon.

        Raises:
            NotRunning: nobody listens there.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(path, limit=1024 * 1024)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotRunning(f"No agent is running on {path.parent}. Start one with `handrail-agent run`.") from error
        except OSError as error:
            raise NotRunning(f"The agent on {path.parent} cannot be reached: {error.strerror or error}.") from error
        client = cls(reader, writer)
        _ = client._tasks.spawn(client._read(), "local events")
        try:
            yield client
        finally:
            await client._tasks.aclose()
            writer.close()

    async def request(self, make: Callable[[int], Request]) -> Reply:
        """Send the request that `make(id)` returns, and wait for its answer.

        Raises:
            LocalRefused: the daemon said no.
            NotRunning: it went away.
        """
        if self._gone is not None:
            raise self._gone
        number, self._next = self._next, self._next + 1
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            self._writer.write(_ENCODER.encode(make(number)) + b"\n")
            return await answer
        finally:
            self._answers.pop(number, None)

    async def _read(self) -> None:
        """Until the daemon closes the connection; then `events` gets a None."""
        gone: HandrailError = NotRunning("The agent has stopped.")
        try:
            while line := await self._reader.readline():
                said = _SAID.decode(line)
                match said:
                    case AreYouThere(number=asked):
                        self._answer(asked)
                    case Done() | StatusReply() | AllowedReply() | ArticlesReply():
                        self._resolve(said.id, said)
                    case Failed(id=0):
                        gone = LocalRefused(said.text)
                    case Failed():
                        self._resolve(said.id, LocalRefused(said.text))
                    case _:
                        self.events.put_nowait(said)
        except (ConnectionError, ValueError) as error:
            gone = NotRunning(f"The connection to the agent broke: {error}.")
        self._gone = gone
        for number in list(self._answers):
            self._resolve(number, gone)
        self.events.put_nowait(None)

    def _answer(self, asked: int) -> None:
        """The loop that shows things to a person runs: say so. Nobody waits for what comes back."""
        number, self._next = self._next, self._next + 1
        self._writer.write(_ENCODER.encode(StillHere(number, asked)) + b"\n")

    def _resolve(self, number: int, result: Reply | HandrailError) -> None:
        answer = self._answers.get(number)
        if answer is None or answer.done():
            return
        if isinstance(result, HandrailError):
            answer.set_exception(result)
        else:
            answer.set_result(result)
