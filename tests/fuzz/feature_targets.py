"""Targets for what features bring along: transfers of files, forwarded ports, recordings, approvals by mail, releases."""

import struct
import tempfile
import unicodedata
from pathlib import Path

import msgspec
import zstandard

from hostio.private_files import PrivateFileError
from protocol.approvals import Looked, Proposal, make_request, pack, unpack
from protocol.approvals import decode_request as decode_approval
from protocol.approvals import judge_answer as judge_approval
from protocol.certificates import PrivateKey
from protocol.errors import LimitExceeded, Refused, RemoteProtocolError, TrustError
from protocol.forwarding import Flow, may_reach
from protocol.messages import encode_message
from protocol.messages.files import NAME_BYTES
from protocol.messages.forward import PIECE_BYTES, WINDOW_BYTES, ForwardCredit, ForwardData, ForwardEnd
from protocol.messages.screen import ScreenLayout
from protocol.printable import JOINERS
from protocol.relay_address import is_loopback
from protocol.releases import Release, decode_release, newest_release, put_together
from protocol.transfer import MOST_WINDOW, Arrival, BulkPacer, check_name, numbered, shown, split_path
from technician_client.forwarding import ForwardError, ForwardWish
from technician_client.recordings.container import MAGIC, SALT_BYTES, ContainerWriter, Kind
from technician_client.recordings.reader import Player, Recording
from technician_client.recordings.writer import End, KeyPoint, Meta
from tests.fuzz.common import WALL, only, organisation

KEY = b"k" * 32
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_PART = struct.Struct("<BHH")
_STEP = struct.Struct("<BHH")


def transfers(data: bytes) -> None:
    """Names of files and paths that the other side chose; chunks and acknowledgements in any order."""
    with only(Refused):
        name = check_name(data)
        assert b"/" not in numbered(name, 7) and 0 < len(numbered(name, 10**9)) <= NAME_BYTES
    with only(Refused):
        parts = split_path(data)
        assert not {b"", b".", b".."} & set(parts) and not Path(b"/".join(parts).decode("utf-8", "surrogateescape")).is_absolute()
    told = shown(data)
    assert not {unicodedata.category(one) for one in told if one not in JOINERS} & HIDDEN and len(told.splitlines()) < 2
    arrival, pacer, end, now = Arrival(60_000, 0), BulkPacer(), 0, 0.0
    with only(RemoteProtocolError, LimitExceeded):
        for kind, first, second in _STEP.iter_unpack(data[: len(data) // _STEP.size * _STEP.size]):
            now += first / 1000
            if kind % 3 == 0 and pacer.room:
                size = pacer.room
                end += size
                pacer.sent(kind % 2, end, size, now)
            elif kind % 3 == 1:
                pacer.acked(kind % 2, second * 64, now)
            else:
                arrival.take(arrival.offset if kind > 127 else first, second)
            assert 0 <= pacer.in_flight <= 2 * MOST_WINDOW and arrival.offset <= arrival.size


def forwards(data: bytes) -> None:
    """What was typed for a forward, where it may lead, and a connection whose other side says anything."""
    words = data.decode("utf-8", "replace")
    with only(ForwardError):
        wish = ForwardWish.parse(words)
        assert 0 < wish.port < 65536 and 0 <= wish.local < 65536
    assert may_reach(words, 80, []) is is_loopback(words), "without a policy only the computer itself is reached"
    flow = Flow(1)
    with only(RemoteProtocolError, LimitExceeded):
        for kind, first, second in _STEP.iter_unpack(data[: len(data) // _STEP.size * _STEP.size]):
            match kind % 4:
                case 0:
                    flow.hear(ForwardData(1, bytes(min(second, PIECE_BYTES))))
                case 1:
                    flow.hear(ForwardCredit(1, first))
                case 2:
                    flow.hear(ForwardEnd(1))
                case _:
                    flow.read(bytes(second % 512))
            assert sum(len(said.data) for said in flow.to_say() if isinstance(said, ForwardData)) <= WINDOW_BYTES + 0xFFFF
            assert sum(map(len, flow.incoming)) <= WINDOW_BYTES


def recordings(data: bytes) -> None:
    """A file that says it is a recording; and one that is sealed by the right key, with anything in its records."""
    with tempfile.TemporaryDirectory() as name:
        for path, content in ((Path(name) / "as-it-is", data), (Path(name) / "headed", MAGIC + bytes(SALT_BYTES) + data)):
            path.write_bytes(content)
            with only(TrustError):
                Recording(path, KEY)
                raise AssertionError("rubbish is a recording")
        sealed = seal(Path(name) / "sealed", data)
        with only(TrustError, PrivateFileError, RemoteProtocolError), Recording(sealed, KEY) as recording:
            player = Player(recording)
            for moment in (0.0, recording.seconds / 2, 1e6):
                player.seek(moment)
            list(recording.layouts())


def seal(path: Path, data: bytes) -> Path:
    """A recording with the right key, its records (kind, time since the one before, size, bytes) from `data`."""
    writer, time, at = ContainerWriter(path, KEY, bytes(SALT_BYTES)), 0, 0
    while at + _PART.size <= len(data):
        kind, later, size = _PART.unpack_from(data, at)
        time, at = time + later, at + _PART.size
        writer.append(Kind(kind % len(Kind) + 1), time, data[at : at + size])
        at += size
    writer.close()
    return path


def approvals(data: bytes) -> None:
    """Requests about approvals and their answers, as a relay may make or change them."""
    for kind in (Proposal, Looked):
        with only(RemoteProtocolError):
            unpack(data, kind)
    with only(RemoteProtocolError, TrustError):
        request = decode_approval(data)
        assert request.part <= request.parts
    with only(RemoteProtocolError, TrustError):
        judge_approval(data, document=b"request", root_der=organisation().root, wall=WALL)
        raise AssertionError("rubbish approves")


def releases(data: bytes) -> None:
    """The description of a release, the paths of many, and parts that do not fit."""
    with only(TrustError):
        release = decode_release(data)
        assert "/" not in release.file and not release.file.startswith(".") and len(release.part_paths()) == release.parts
        with only(TrustError):
            put_together(release, lambda _path: b"x" * 1024)
    version = newest_release(data.decode("utf-8", "replace").splitlines(), "linux-x86_64")
    assert not version or all(part.isdigit() for part in version.split("."))


FEATURE_TARGETS = {target.__name__: target for target in (transfers, forwards, recordings, approvals, releases)}


def feature_seeds(name: str) -> list[bytes]:
    """Genuine inputs of one of these."""
    match name:
        case "transfers":
            steps = b"".join(_STEP.pack(kind, 20, 500) for kind in (0, 0, 1, 3, 4, 200, 200, 7, 9, 10))
            return [b"letter.odt", b"Documents/2026/letter.odt", "\u202egpj.exe".encode(), steps]
        case "forwards":
            return [
                b"5432",
                b"8080:80",
                b"8443:printer.shop.example:443",
                b"[::1]",
                b"".join(_STEP.pack(n, 9, 99) for n in range(12)),
            ]
        case "recordings":
            meta = msgspec.json.encode(Meta("s", "dev1", "Till 3", "Ana", "Example", 1.0))
            layout = encode_message(ScreenLayout(1, 8, 8))
            chunk = msgspec.msgpack.encode([(0, layout), (5, layout)])
            key = msgspec.msgpack.encode(KeyPoint(layout, 1, 1, True, zstandard.compress(bytes(8 * 8 * 3))))
            parts = [(0, meta), (2, chunk), (1, chunk), (3, key), (4, msgspec.json.encode(End("over")))]
            return [b"".join(_PART.pack(kind, 10, len(body)) + body for kind, body in parts)]
        case "approvals":
            shared = pack(Proposal("scripts", b"{}", {"scripts/a/1/x": b"y"}))
            request = make_request(
                PrivateKey.generate(), "share", organisation="0" * 16, role="scripts", at=1.0, nonce=bytes(32), body=shared
            )
            return [request, shared, pack(Looked(None, []))]
        case _:
            release = Release(platform="linux-x86_64", version="1.2", file="handrail.whl", sha256="0" * 64, length=9, parts=1)
            return [msgspec.json.encode(release), b"agent/linux-x86_64/1.2/release.json\nagent/linux-x86_64/1.10/release.json"]
