"""The targets. Each takes bytes, and returns unless something is wrong: an error that is not documented, a bound not kept,
or a decision that rubbish must not bring about. `seeds` gives each a few genuine inputs to begin with."""

import base64
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import msgspec

from agent.local_messages import AnyRequest, AnySaid
from protocol.audit import Checkpoint, open_checkpoint, read_checkpoint, sign_checkpoint
from protocol.audit_export import check as check_export
from protocol.capabilities import Capability
from protocol.certificates import PrivateKey, PublicKey, Role, check_chain, organisation_id, read_request
from protocol.chain import names_in_leaf, organisation_name
from protocol.channel import DataReceived, Established, SealedChannel
from protocol.documents import (
    OrganisationPolicy,
    RevocationList,
    TechniciansList,
    decode_answer,
    decode_bundle,
    decode_document,
    decode_request,
)
from protocol.enrolment import judge_answer
from protocol.errors import LimitExceeded, Refused, RemoteProtocolError, TrustError, UndecodableMessage
from protocol.frames import HEADER_BYTES, FrameConnection, largest_message, serialize_frame
from protocol.limits import Limits
from protocol.link import LinkUnknown, PeerLink, RelayLink, decode_link, encode_link
from protocol.link_messages import Challenge, LinkMessage
from protocol.manifests import bind_parameters, decode_manifest, render_argv
from protocol.merkle import check_consistency, check_inclusion
from protocol.messages import Lane, Message, UnknownMessage, decode_message, encode_message
from protocol.messages.screen import ScreenLayout, ScreenUpdate
from protocol.printable import printable
from protocol.session import SessionState
from technician_client.cli.output import inert
from technician_client.console.wire import Area, UpdateWriter, read_page, write_message
from technician_client.picture import Picture
from tests.fuzz.common import WALL, only, organisation
from tests.fuzz.feature_targets import FEATURE_TARGETS, feature_seeds
from tests.kit.conversation import Conversation
from tests.kit.organisation import Credentials, Organisation
from tests.vectors.examples import FRAMES, LINK_MESSAGES, MESSAGES

Target = Callable[[bytes], None]
SMALL = Limits(
    fragment_bytes=256, message_bytes_input=512, message_bytes_control=1024, message_bytes_screen=2048, message_bytes_bulk=1024
)
MOST_SENT_BACK = 256 * 1024


# -- messages and frames


def frames(data: bytes) -> None:
    """Bytes of a channel as frames, cut at every size; what is held stays below the limits."""
    step, stream = (data[0] or 1, data[1:]) if data else (1, b"")
    connection = FrameConnection(SMALL)
    with only(RemoteProtocolError):
        for at in range(0, len(stream), step):
            for lane, payload in connection.receive_data(stream[at : at + step]):
                assert 0 < len(payload) <= largest_message(lane, SMALL)
                connection.consumed(lane, len(payload))
            assert len(connection._buffer) <= HEADER_BYTES + SMALL.fragment_bytes + 0xFFFF
            for lane, incoming in connection._in.items():
                assert len(incoming.parts) <= largest_message(lane, SMALL)
            assert len(connection.data_to_send(MOST_SENT_BACK)) < MOST_SENT_BACK


def messages(data: bytes) -> None:
    """One end-to-end message; what decodes is written and read again as the same."""
    with only(UndecodableMessage):
        message = decode_message(data)
        if not isinstance(message, UnknownMessage):
            assert repr(decode_message(encode_message(message))) == repr(message)


def link(data: bytes) -> None:
    """One message of the link, for the codec, a peer, and a relay that nobody has logged in to."""
    with only(RemoteProtocolError):
        message = decode_link(data, 64 * 1024)
        if not isinstance(message, LinkUnknown):
            assert repr(decode_link(encode_link(message), 1 << 20)) == repr(message)
    ours = organisation()
    person = _credentials()[1]
    peer = PeerLink(Role.TECHNICIAN, person.login_key, person.login_chain, "https://relay.example", "Ana", "linux", 0.0)
    peer.receive_data(data, 0.0)
    relay = RelayLink("https://relay.example", {ours.id: ours.root}.get, bytes, WALL, 0.0)
    relay.receive_data(data, 0.0)
    for machine in (peer, relay):
        machine.events()
        assert sum(map(len, machine.data_to_send())) < MOST_SENT_BACK
    assert relay.state.value != "ready", "rubbish logged in"


# -- documents


def documents(data: bytes) -> None:
    """Everything that outlives a connection."""
    for kind in (OrganisationPolicy, TechniciansList, RevocationList):
        with only(TrustError):
            decode_document(data, kind)
    with only(TrustError):
        decode_bundle(data)
    with only(RemoteProtocolError):
        decode_request(data)
    with only(RemoteProtocolError):
        decode_answer(data)
    ours = organisation()
    device = _credentials()[0]
    with only(TrustError, RemoteProtocolError, Refused):
        judge_answer(
            data,
            request=b"request",
            secret=bytes(32),
            root_der=ours.root,
            role=Role.DEVICE,
            session_key=device.key,
            login_key=device.login_key,
            wall=WALL,
        )
        raise AssertionError("rubbish enrolled a device")


def manifests(data: bytes) -> None:
    """A script's manifest, and the parameters that a technician sends for it (after the first NUL)."""
    text, _, given = data.partition(b"\0")
    with only(TrustError):
        manifest = decode_manifest(text)
        values = {"x": 1}
        with suppress(ValueError, RecursionError):
            values = msgspec.json.decode(given, type=dict[str, str | int | bool | None])
        with only(Refused):
            bound = bind_parameters(manifest, values)
            paths = {file.name: f"/tmp/x/{file.name}" for file in manifest.files}
            for step in manifest.steps():
                argv = render_argv(step, bound, paths)
                assert argv[0].startswith("/") and not any("\0" in part for part in argv)
                assert all(template.startswith("-") or not part.startswith("-") for part, template in _pairs(argv, step.argv))


def _pairs(argv: list[str], templates: list[str]) -> list[tuple[str, str]]:
    return list(zip(argv, templates, strict=True)) if len(argv) == len(templates) else []


def audit(data: bytes) -> None:
    """Checkpoints, exported chains, and proofs."""
    key = _credentials()[1].key.public
    with only(TrustError):
        read_checkpoint(data)
    with only(TrustError):
        open_checkpoint(data, key)
        raise AssertionError("rubbish was signed")
    with only(TrustError):
        check_export(data.splitlines(), root_der=organisation().root, witnesses=lambda _: [])
        raise AssertionError("rubbish is a chain")
    if len(data) >= 16:
        old, new = struct.unpack_from(">QQ", data)
        proof = [data[at : at + 32] for at in range(16, len(data) - 31, 32)]
        with only(TrustError):
            check_consistency(old, b"o" * 32, new, b"n" * 32, proof)
            raise AssertionError("rubbish proves a history")
        with only(TrustError):
            check_inclusion(b"o" * 32, old, new, proof, b"n" * 32)
            raise AssertionError("rubbish proves a record")


def certificates(data: bytes) -> None:
    """Certificates, requests and keys; as they come, and as changes to a genuine leaf."""
    ours = organisation()
    device = _credentials()[0]
    leaf = bytearray(device.chain[0])
    for at in range(0, len(data) - 2, 3):
        leaf[int.from_bytes(data[at : at + 2], "big") % len(leaf)] ^= data[at + 2]
    for chain in ([data], [data, device.chain[1]], [bytes(leaf), device.chain[1]], [device.chain[0], data]):
        with only(TrustError):
            identity = check_chain(chain, root_der=ours.root, expected=Role.DEVICE, purpose="session", wall=WALL)
            assert (identity.peer, identity.fingerprint) == ("dev1", device.key.public.fingerprint), "rubbish was certified"
    readers = (read_request, PublicKey.from_spki, PublicKey.of_certificate, organisation_id, organisation_name, names_in_leaf)
    for read in (*readers, PrivateKey.from_pem):
        with only(TrustError):
            read(data)


# -- the local side


def console(data: bytes) -> None:
    """What a page says, what an update of a hostile device becomes on the way to it, and every text that is shown."""
    text = data.decode("utf-8", "surrogateescape")
    with only(UndecodableMessage):
        said = read_page(text)
        if isinstance(said, Message):
            write_message(said)
            assert repr(decode_message(encode_message(said))) == repr(said)  # as it goes on to the device
    shown = inert(text, lines=True)
    assert "\x1b" not in shown and "\u202e" not in shown
    assert "\x1b" not in printable(text)
    with only(UndecodableMessage):
        message = decode_message(data)
        if isinstance(message, ScreenUpdate):
            with only(RemoteProtocolError):
                assert len(UpdateWriter().write(message, Area(64, 48))) < 64 * 1024 * 1024
            picture = Picture()
            picture.apply_layout(ScreenLayout(message.epoch, 64, 48))
            with only(RemoteProtocolError):
                picture.apply_update(message)
            assert picture.pixels.shape == (48, 64, 4)


def local(data: bytes) -> None:
    """Lines of the agent's local socket, both ways."""
    for kind in (AnyRequest, AnySaid):
        with suppress(ValueError, RecursionError):
            msgspec.json.decode(data, type=kind)


# -- the channel and what runs in it


def handshake(data: bytes) -> None:
    """Rubbish instead of a handshake, and a genuine one with bytes changed on the way."""
    ours = organisation()
    for channel in (_agent(ours), _technician(ours)):
        with only(TrustError, RemoteProtocolError, LimitExceeded):
            channel.receive_data(data, 1.0)
            channel.receive_eof(2.0)
        channel.data_to_send()
        assert not any(isinstance(event, Established) for event in channel.events())
    changes: dict[int, int] = {}
    for at in range(0, len(data) - 2, 3):
        changes[int.from_bytes(data[at : at + 2], "big") % 8192] = data[at + 2]
    changed_handshake(changes)


def changed_handshake(changes: dict[int, int]) -> tuple[bool, int]:
    """A handshake of two genuine ends in which byte n of all that is carried is changed by XOR with `changes[n]`.

    Returns:
        Whether nobody noticed (both ends stand, then with each other and nobody else, and data passes both ways), and how many
        bytes were carried. The data tells a length changed in the last record, for which an end would otherwise wait in silence.
    """
    ours = organisation()
    ends = (_technician(ours), _agent(ours))
    carried = 0
    alive = noticed = True
    while alive:
        moved = 0
        for source, target in (ends, ends[::-1]):
            stream = bytearray(source.data_to_send())
            for index in range(len(stream)):
                stream[index] ^= changes.get(carried + index, 0)
            carried, moved = carried + len(stream), moved + len(stream)
            try:
                target.receive_data(bytes(stream), 1.0)
            except (TrustError, RemoteProtocolError):
                alive = False
        noticed = not alive
        alive = alive and moved > 0
    peers = [next((event.peer for event in end.events() if isinstance(event, Established)), None) for end in ends]
    for peer, name in zip(peers, ("dev1", "ana1"), strict=True):
        assert peer is None or peer.peer == name, "a handshake that was changed led to somebody else"
    if None not in peers:
        assert ends[0].exporter(b"EXPORTER-test", 32) == ends[1].exporter(b"EXPORTER-test", 32)
    return None not in peers and not noticed and _data_passes(*ends), carried


def _data_passes(technician: SealedChannel, agent: SealedChannel) -> bool:
    sent = bytes(2 * 16384)  # longer than any record a changed length can wait for
    for source, target in ((technician, agent), (agent, technician)):
        source.send(sent)
        try:
            target.receive_data(source.data_to_send(), 2.0)
        except (TrustError, RemoteProtocolError):
            return False
        if b"".join(event.data for event in target.events() if isinstance(event, DataReceived)) != sent:
            return False
    return True


def _agent(ours: Organisation) -> SealedChannel:
    device = _credentials()[0]
    return SealedChannel.agent(device.key, device.chain, root_der=ours.root, wall=WALL)


def _technician(ours: Organisation) -> SealedChannel:
    person = _credentials()[1]
    return SealedChannel.technician(person.key, person.chain, root_der=ours.root, wall=WALL)


@cache
def _credentials() -> tuple[Credentials, Credentials]:
    return organisation().device(peer="dev1"), organisation().technician(peer="ana1")


def session(data: bytes) -> None:
    """Bytes inside a genuine channel, before and after the session is open, to either side."""
    device, person = _credentials()
    talk = Conversation(organisation(), device, person)
    talk.run()
    if data[:1] > b"\x7f":
        talk.open(Capability.CHAT)
    to_agent = data[1:2] > b"\x7f"
    talker, hearer = (talk.technician, talk.agent) if to_agent else (talk.agent, talk.technician)
    before = hearer.granted
    talker._channel.send(data[2:] or b"\0")
    talk.run()
    if to_agent:
        assert hearer.granted <= before, "rubbish was granted something"
    assert hearer.state in SessionState
    talk.cut()


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (frames, messages, link, documents, manifests, audit, certificates, console, local, handshake, session)
} | FEATURE_TARGETS


def seeds(name: str) -> list[bytes]:
    """Genuine inputs of a target, to begin with."""
    if name in FEATURE_TARGETS:
        return feature_seeds(name)
    match name:
        case "frames":
            return [b"\x40" + serialize_frame(kind, lane, payload) for _, kind, lane, payload in FRAMES] + [
                bytes([255]) + b"".join(serialize_frame(1, lane, b"x" * 40) for lane in Lane)
            ]
        case "messages":
            return [encode_message(message) for message in MESSAGES]
        case "link":
            challenge: LinkMessage = Challenge(bytes(32), "https://relay.example", 1)
            return [encode_link(message) for message in (*LINK_MESSAGES, challenge)]
        case "documents":
            return [
                b'{"v":1,"issued":1.0,"name":"x","groups":{"front":{"unattended":["view"]}}}',
                b'{"v":1,"issued":1.0,"technicians":[{"name":"a","tier":3,"key":"' + b"0" * 64 + b'","peer":"abcdefgh"}]}',
                b'{"v":1,"issued":1.0,"fingerprints":["' + b"0" * 64 + b'"],"not_before":5.0}',
                b'{"v":1,"kind":"device","org":"0123456789abcdef","organisation_name":"x","root":"","tuf_root":"","relay":'
                b'"https://r","token_id":"0123456789abcdef","secret":"' + base64.b64encode(bytes(32)) + b'","expires":1.0}',
                msgspec.msgpack.encode(["answer.1", bytes(32), [], [], 1.0, "", "", bytes(32)]),
            ]
        case "manifests":
            manifest = (
                b'{"v":1,"id":"a","version":"1","title":"t","min_tier":1,"run_as":"user","os":["linux"],"files":[],'
                b'"run":{"argv":["/bin/x","--n={n}","{t}"]},"parameters":[{"name":"n","kind":"int","low":1,"high":9},'
                b'{"name":"t","kind":"text","pattern":"[a-z]+"}]}'
            )
            return [manifest + b'\0{"n":3,"t":"abc"}', manifest + b'\0{"n":true,"t":"-x"}']
        case "audit":
            key = _credentials()[0].key
            return [sign_checkpoint(key, Checkpoint("0" * 16, "d1", 3, bytes(32), 1.0, bytes(32))), bytes(16 + 64)]
        case "certificates":
            return [*_credentials()[0].chain, b"\0\x10\1"]
        case "console":
            page = [
                b'["input.pointer_move", 5, 6]',
                b'["screen.ack", 12, 1.5, 2]',
                b'["fixes.run", 3, "flush-dns", {"days": 7, "deep": true, "name": "x"}, "disk_full", "' + b"3f" * 32 + b'"]',
                b'["terminal.input", 1, "bHMK", false]',
                b'["pointer.stroke", 1, "pen", 2, true, 0, [[1, 2], [3, 4]]]',
                b'{"type":"ask","capability":"control","reason":"x"}',
                b'{"type":"forward","port":5432,"local":null,"host":"127.0.0.1"}',
                b'{"type":"note","text":"x"}',
            ]
            return page + [encode_message(message) for message in MESSAGES if isinstance(message, ScreenUpdate)]
        case "local":
            return [b'{"do":"status","id":1}', b'{"say":"done","id":1,"text":"x"}']
        case "handshake":
            return [_technician(organisation()).data_to_send(), b"\1\0\x80"]
        case _:
            return [
                bytes([head, 255]) + serialize_frame(1, Lane.CONTROL, encode_message(message))
                for head in (0, 255)
                for message in MESSAGES[:20]
            ]
