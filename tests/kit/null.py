"""A channel that encrypts nothing: the control of the secrecy check and of the attack tests.

It exists in the test kit alone. The product has no unencrypted mode, no switch for one, and cannot negotiate one.
"""

import protocol.channel
from protocol.certificates import check_chain
from protocol.channel import ChannelEnded, DataReceived, Established
from protocol.link_messages import Role

CLOSE = 0xFFFFFFFF


class NullChannel:
    """The interface of `SealedChannel`; both chains go over in the clear, then everything else does."""

    def __init__(self, expected, chain, root_der, wall):
        self._expected, self._root, self._wall = expected, root_der, wall
        self._out = bytearray(self._frame(b"".join(len(der).to_bytes(4, "big") + der for der in chain)))
        self._in = bytearray()
        self._events = []
        self.peer = None
        self.ended = False

    @classmethod
    def technician(cls, key, chain, *, root_der, wall, **_):
        return cls(Role.DEVICE, chain, root_der, wall)

    @classmethod
    def agent(cls, key, chain, *, root_der, wall, **_):
        return cls(Role.TECHNICIAN, chain, root_der, wall)

    @staticmethod
    def _frame(data):
        return len(data).to_bytes(4, "big") + data

    def receive_data(self, data, now):
        self._in += data
        while len(self._in) >= 4 and not self.ended:
            size = int.from_bytes(self._in[:4], "big")
            if size == CLOSE:
                self._end(True)
                return
            if len(self._in) < 4 + size:
                return
            body = bytes(self._in[4 : 4 + size])
            del self._in[: 4 + size]
            if self.peer is None:
                self._introduced(body)
            else:
                self._events.append(DataReceived(body))

    def _introduced(self, body):
        chain = []
        while body:
            size = int.from_bytes(body[:4], "big")
            chain.append(body[4 : 4 + size])
            body = body[4 + size :]
        wall = self._wall() if callable(self._wall) else self._wall
        self.peer = check_chain(chain, root_der=self._root, expected=self._expected, purpose="session", wall=wall)
        self._events.append(Established(self.peer, protocol.channel.ChannelParameters("none", "none", "none", "none")))

    def receive_eof(self, now):
        self._end(False)

    def send(self, data):
        self._out += self._frame(bytes(data))

    def data_to_send(self):
        data, self._out = bytes(self._out), bytearray()
        return data

    @property
    def has_data(self):
        return bool(self._out)

    def events(self):
        events, self._events = self._events, []
        return events

    def next_deadline(self):
        return None

    def handle_deadline(self, now):
        pass

    def exporter(self, label, length):
        return bytes(length)

    def recheck(self, wall):
        pass

    def close(self):
        if not self.ended:
            self._out += CLOSE.to_bytes(4, "big")
            self.ended = True

    def _end(self, clean):
        if not self.ended:
            self.ended = True
            self._events.append(ChannelEnded(clean))
