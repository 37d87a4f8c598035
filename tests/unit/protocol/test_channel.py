"""The sealed channel, both ends in memory, with a hostile carrier between them."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL, crypto

from protocol.certificate_profile import OID_CLAIMS
from protocol.channel import ChannelEnded, ChannelEvent, ChannelParameters, DataReceived, Established, SealedChannel
from protocol.errors import ChannelClosed, HandrailError, LimitExceeded, LocalProtocolError, RemoteProtocolError, TrustError
from protocol.keys import PrivateKey
from protocol.limits import LIMITS
from protocol.link_messages import Role
from tests.kit.forgery import forge
from tests.kit.organisation import Credentials, Organisation

WALL = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OURS = Organisation("Ours", wall=WALL)
THEIRS = Organisation("Theirs", wall=WALL)
DEVICE = OURS.device(peer="dev1")
ANA = OURS.technician("Ana Ruiz", 2, peer="ana1")

Wall = datetime | Callable[[], datetime]


def technician(who: Credentials = ANA, root: bytes = OURS.root, wall: Wall = WALL, now: float | None = None) -> SealedChannel:
    return SealedChannel.technician(who.key, who.chain, root_der=root, wall=wall, now=now)


def agent(who: Credentials = DEVICE, root: bytes = OURS.root, wall: Wall = WALL, now: float | None = None) -> SealedChannel:
    return SealedChannel.agent(who.key, who.chain, root_der=root, wall=wall, now=now)


def carry(source: SealedChannel, target: SealedChannel, step: int = 1 << 20) -> int:
    data = source.data_to_send()
    for at in range(0, len(data), step):
        target.receive_data(data[at : at + step], 1.0)
    return len(data)


def pump(one: SealedChannel, other: SealedChannel, step: int = 1 << 20) -> None:
    while carry(one, other, step) + carry(other, one, step):
        pass


def pair(step: int = 1 << 20) -> tuple[SealedChannel, SealedChannel]:
    ours, theirs = technician(), agent()
    pump(ours, theirs, step)
    assert isinstance(ours.events()[0], Established)
    assert isinstance(theirs.events()[0], Established)
    return ours, theirs


def text_of(events: list[ChannelEvent]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, DataReceived))


# -- opening --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 37, 1 << 20])
def test_both_ends_know_who_the_other_is(step: int) -> None:
    ours, theirs = technician(), agent()
    pump(ours, theirs, step)
    (device,), (person,) = ours.events(), theirs.events()
    assert isinstance(device, Established)
    assert isinstance(person, Established)
    assert (device.peer.role, device.peer.peer) == (Role.DEVICE, "dev1")
    assert (person.peer.role, person.peer.peer, person.peer.display_name) == (Role.TECHNICIAN, "ana1", "Ana Ruiz")
    assert device.peer.fingerprint == DEVICE.key.public.fingerprint
    assert person.peer.leaf_der == ANA.chain[0]
    assert ours.peer == device.peer
    assert ours.next_deadline() is None


def test_what_is_negotiated_is_strong() -> None:
    """security.md rows 25 and 26."""
    ours, theirs = technician(), agent()
    pump(ours, theirs)
    for channel in (ours, theirs):
        (event,) = channel.events()
        assert isinstance(event, Established)
        assert event.parameters == ChannelParameters("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768", "handrail/1")


def test_the_wall_time_may_be_a_clock() -> None:
    ours, theirs = technician(wall=lambda: WALL), agent(wall=lambda: WALL)
    pump(ours, theirs)
    assert ours.peer is not None
    assert theirs.peer is not None


def test_the_exporter_is_the_same_on_both_ends_and_on_no_other_channel() -> None:
    ours, theirs = pair()
    label = b"EXPORTER-handrail test"
    assert ours.exporter(label, 32) == theirs.exporter(label, 32)
    assert ours.exporter(label, 32) != pair()[0].exporter(label, 32)
    with pytest.raises(LocalProtocolError):
        technician().exporter(label, 32)


def test_key_and_chain_must_belong_together() -> None:
    for key, chain in ((PrivateKey.generate(), ANA.chain), (ANA.key, [b"x"]), (ANA.key, [])):
        with pytest.raises(LocalProtocolError):
            SealedChannel.technician(key, chain, root_der=OURS.root, wall=WALL)
    with pytest.raises(LocalProtocolError):
        SealedChannel.agent(DEVICE.key, DEVICE.chain, root_der=b"x", wall=WALL)


def test_a_dead_channel_leaves_nothing_behind() -> None:
    gc.collect()
    gc.disable()
    try:
        ours, theirs = pair()
        left = [weakref.ref(ours), weakref.ref(theirs)]
        del ours, theirs
        assert [reference() for reference in left] == [None, None]
    finally:
        gc.enable()


# -- data and end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 16 * 1024, 16 * 1024 + 1, 3_000_000])
def test_data_arrives_whole_both_ways(size: int) -> None:
    ours, theirs = pair()
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    ours.send(data)
    theirs.send(memoryview(data))
    pump(ours, theirs)
    assert text_of(theirs.events()) == data
    assert text_of(ours.events()) == data


def test_it_is_known_whether_there_is_anything_to_send() -> None:
    ours, theirs = pair()
    assert not ours.has_data
    ours.send(bytes(100_000))
    assert ours.has_data
    carry(ours, theirs)
    assert not ours.has_data
    assert not theirs.has_data, "an answer is the application's"
    assert ours.data_to_send() == b""
    assert len(text_of(theirs.events())) == 100_000


def test_data_may_follow_the_handshake_in_the_same_bytes() -> None:
    ours, theirs = technician(), agent()
    carry(ours, theirs)
    carry(theirs, ours)
    ours.send(bytes(200_000))
    theirs.receive_data(ours.data_to_send(), 1.0)
    established, *received = theirs.events()
    assert isinstance(established, Established)
    assert text_of(received) == bytes(200_000)


def test_nothing_readable_is_on_the_wire() -> None:
    ours, theirs = technician(), agent()
    wire = b""
    secret = b"the password is swordfish" * 40
    for _ in range(4):
        for source, target in ((ours, theirs), (theirs, ours)):
            data = source.data_to_send()
            wire += data
            target.receive_data(data, 1.0)
    ours.send(secret)
    wire += ours.data_to_send()
    assert secret[:25] not in wire
    for chain in (ANA.chain, DEVICE.chain):
        assert chain[0][100:140] not in wire  # certificates travel encrypted in TLS 1.3
    assert OURS.id.encode() not in wire


def test_nothing_is_sent_before_the_other_side_is_known() -> None:
    with pytest.raises(LocalProtocolError):
        technician().send(b"x")


def test_a_polite_end_is_clean_for_both() -> None:
    ours, theirs = pair()
    theirs.send(b"last words")
    theirs.close()
    theirs.close()
    pump(ours, theirs)
    assert ours.events() == [DataReceived(b"last words"), ChannelEnded(clean=True)]
    assert theirs.events() == [ChannelEnded(clean=True)]
    for channel in (ours, theirs):
        assert channel.ended
        with pytest.raises(ChannelClosed):
            channel.send(b"more")
        channel.receive_data(b"late", 2.0)
        channel.receive_eof(2.0)
        assert channel.events() == []


def test_after_close_what_still_comes_is_delivered() -> None:
    ours, theirs = pair()
    ours.close()
    with pytest.raises(ChannelClosed):
        ours.send(b"x")
    theirs.send(b"on its way")
    carry(theirs, ours)
    assert ours.events() == [DataReceived(b"on its way")]


def test_a_cut_is_not_an_end() -> None:
    """security.md row 7: truncation."""
    ours, theirs = pair()
    theirs.send(b"first half")
    carry(theirs, ours)
    ours.receive_eof(2.0)
    assert ours.events() == [DataReceived(b"first half"), ChannelEnded(clean=False)]


def test_a_channel_may_be_closed_in_any_state() -> None:
    opening = technician()
    opening.close()
    assert opening.events() == [ChannelEnded(clean=False)]
    broken = agent()
    with pytest.raises(RemoteProtocolError):
        broken.receive_data(b"GET / HTTP/1.1\r\n\r\n", 1.0)
    broken.close()
    assert broken.ended
    broken.receive_data(b"more", 1.0)


# -- who is refused -------------------------------------------------------------------------------------------------------


def refused_by_technician(server: SealedChannel, client: SealedChannel) -> TrustError:
    """The technician refuses, and has not shown its own certificate."""
    carry(client, server)
    with pytest.raises(TrustError) as caught:
        carry(server, client)
    alert = client.data_to_send()
    assert len(alert) < 100
    assert client.events() == []
    with pytest.raises(TrustError):
        server.receive_data(alert, 1.0)
    assert server.peer is None
    return caught.value


def test_a_stranger_posing_as_the_agent_learns_nothing() -> None:
    """security.md rows 9 and 11."""
    refused_by_technician(agent(THEIRS.device(), root=THEIRS.root), technician())


def test_a_technician_posing_as_an_agent_is_refused() -> None:
    refused_by_technician(agent(OURS.technician()), technician())


def test_a_device_posing_as_a_technician_is_refused() -> None:
    ours, theirs = technician(OURS.device()), agent()
    carry(ours, theirs)
    carry(theirs, ours)
    with pytest.raises(TrustError):
        carry(ours, theirs)
    assert theirs.events() == []


def test_a_login_leaf_opens_no_channel() -> None:
    login = replace(ANA, key=ANA.login_key, chain=ANA.login_chain)
    ours, theirs = technician(login), agent()
    carry(ours, theirs)
    carry(theirs, ours)
    with pytest.raises(TrustError):
        carry(ours, theirs)


def test_a_technician_that_the_agent_refuses_is_told() -> None:
    """The client believes itself established first: only the alert tells it better."""
    ours, theirs = technician(THEIRS.technician()), agent()
    carry(ours, theirs)
    carry(theirs, ours)
    assert isinstance(ours.events()[0], Established)
    with pytest.raises(TrustError, match="not issued by this organisation"):
        carry(ours, theirs)
    with pytest.raises(TrustError, match="does not accept this side's certificate"):
        carry(theirs, ours)


def test_our_own_checks_count_within_the_handshake() -> None:
    """OpenSSL alone would accept this certificate: its claims are missing. The technician must not show its own to it."""
    leaf = forge(DEVICE.chain[0], DEVICE.chain[1], OURS.ca_keys[Role.DEVICE], change={OID_CLAIMS: None})
    error = refused_by_technician(agent(replace(DEVICE, chain=[leaf, DEVICE.chain[1]])), technician())
    assert "for whom" in str(error)


@pytest.mark.parametrize(
    ("moment", "words"),
    [(WALL + timedelta(days=31), "expired"), (WALL - timedelta(hours=1), "not valid yet")],
)
def test_validity_is_judged_by_the_given_time(moment: datetime, words: str) -> None:
    server, client = agent(), technician(wall=moment)
    assert words in str(refused_by_technician(server, client))


def test_certificates_are_judged_again_in_the_middle_of_a_session() -> None:
    ours, theirs = pair()
    theirs.recheck(WALL + timedelta(hours=11))
    ours.recheck(WALL + timedelta(hours=13))
    with pytest.raises(TrustError, match="expired"):
        theirs.recheck(WALL + timedelta(hours=13))
    with pytest.raises(LocalProtocolError):
        agent().recheck(WALL)


# -- foreign TLS ----------------------------------------------------------------------------------------------------------


class Foreign:
    """A TLS client of somebody else's, with whatever settings."""

    def __init__(
        self, *, alpn: list[bytes] | None = None, newest: int = SSL.TLS1_3_VERSION, who: Credentials | None = ANA
    ) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(newest)
        if alpn:
            context.set_alpn_protos(alpn)
        if who is not None:
            leaf, ca = (crypto.load_certificate(crypto.FILETYPE_ASN1, der).to_cryptography() for der in who.chain)
            context.use_certificate(leaf)
            context.add_extra_chain_cert(ca)
            context.use_privatekey(who.key.unwrap())
        self.context = context
        self.connection = SSL.Connection(context, None)
        self.connection.set_connect_state()

    def talk(self, channel: SealedChannel) -> None:
        for _ in range(3):
            try:
                self.connection.do_handshake()
                self.connection.recv(1024)
            except SSL.WantReadError:
                pass
            try:
                while data := self.connection.bio_read(65536):
                    channel.receive_data(data, 1.0)
            except SSL.WantReadError:
                pass
            if answer := channel.data_to_send():
                self.connection.bio_write(answer)


def test_a_foreign_client_that_keeps_the_rules_is_fine() -> None:
    channel = agent()
    Foreign(alpn=[b"h2", b"handrail/1"]).talk(channel)
    assert channel.peer is not None


@pytest.mark.parametrize("alpn", [None, [b"h2"], [b"handrail/2"]])
def test_without_our_protocol_name_there_is_no_channel(alpn: list[bytes] | None) -> None:
    """security.md row 8."""
    with pytest.raises(RemoteProtocolError, match="handrail/1"):
        Foreign(alpn=alpn).talk(agent())


def test_older_tls_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        Foreign(alpn=[b"handrail/1"], newest=SSL.TLS1_2_VERSION).talk(agent())


def test_a_client_without_a_certificate_is_refused() -> None:
    channel = agent()
    with pytest.raises(TrustError, match="did not show a certificate"):
        Foreign(alpn=[b"handrail/1"], who=None).talk(channel)
    assert channel.events() == []


def test_a_session_is_never_resumed() -> None:
    first = Foreign(alpn=[b"handrail/1"])
    first.talk(agent())
    session = first.connection.get_session()
    assert session is not None
    channel, second = agent(), Foreign(alpn=[b"handrail/1"])
    second.connection = SSL.Connection(first.context, None)
    second.connection.set_connect_state()
    second.connection.set_session(session)
    second.talk(channel)
    (event,) = channel.events()
    assert isinstance(event, Established)  # only a whole handshake, with certificates, establishes


# -- a hostile carrier ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        bytes(1000),
        b"\x16\x03\x01\x00\x05hello",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ],
)
def test_what_is_not_tls_is_refused(data: bytes) -> None:
    for channel in (agent(), technician()):
        with pytest.raises((RemoteProtocolError, TrustError)):
            channel.receive_data(data, 1.0)
        assert channel.ended
        assert channel.events() == []


@pytest.mark.parametrize("position", [0, 3, 5, 20, -1])
def test_a_changed_bit_ends_the_channel(position: int) -> None:
    ours, theirs = pair()
    ours.send(b"click" * 10)
    data = bytearray(ours.data_to_send())
    data[position] ^= 1
    try:
        theirs.receive_data(bytes(data), 1.0)
    except RemoteProtocolError:
        assert theirs.ended
    assert theirs.events() == []


def test_replayed_reordered_dropped_and_spliced_records_end_the_channel() -> None:
    """security.md rows 3 to 6."""

    def records(count: int, channel: SealedChannel) -> list[bytes]:
        made = []
        for number in range(count):
            channel.send(b"click %d" % number)
            made.append(channel.data_to_send())
        return made

    def replayed(one: bytes, two: bytes) -> list[bytes]:
        return [one, one, two]

    def reordered(one: bytes, two: bytes) -> list[bytes]:
        return [two, one]

    def dropped(one: bytes, two: bytes) -> list[bytes]:
        return [two]

    for bend in (replayed, reordered, dropped):
        ours, theirs = pair()
        with pytest.raises(RemoteProtocolError):
            for data in bend(*records(2, ours)):
                theirs.receive_data(data, 1.0)
    ours, theirs = pair()
    with pytest.raises(RemoteProtocolError):
        pair()[1].receive_data(records(1, ours)[0], 1.0)
    with pytest.raises(RemoteProtocolError):
        ours.receive_data(records(1, ours)[0], 1.0)


def test_a_reflected_hello_is_refused() -> None:
    ours = technician()
    with pytest.raises((RemoteProtocolError, TrustError)):
        ours.receive_data(ours.data_to_send(), 1.0)


def test_the_handshake_is_bounded_in_bytes() -> None:
    small = replace(LIMITS, handshake_bytes=1000)
    channel = SealedChannel.agent(DEVICE.key, DEVICE.chain, root_der=OURS.root, wall=WALL, limits=small)
    with pytest.raises(LimitExceeded, match="1000 bytes"):
        carry(technician(), channel)
    assert channel.ended


def test_the_handshake_is_bounded_in_time() -> None:
    channel = agent(now=100.0)
    assert channel.next_deadline() == 115.0
    channel.handle_deadline(114.0)
    with pytest.raises(LimitExceeded, match="15 seconds"):
        channel.handle_deadline(115.0)
    assert channel.next_deadline() is None
    late = technician()
    assert late.next_deadline() is None
    late.handle_deadline(50.0)
    assert late.next_deadline() == 65.0
    ours, _ = pair()
    ours.handle_deadline(1e9)


# Real flights to change: the client's hello, the server's answer, the client's certificate.
def flight(number: int) -> tuple[SealedChannel, bytes]:
    """The machine that is about to receive flight `number`, and that flight."""
    ours, theirs = technician(), agent()
    if number == 0:
        return theirs, ours.data_to_send()
    carry(ours, theirs)
    if number == 1:
        return ours, theirs.data_to_send()
    carry(theirs, ours)
    return theirs, ours.data_to_send()


def feed(channel: SealedChannel, data: bytes) -> None:
    """Only documented errors; afterwards every method still answers."""
    try:
        channel.receive_data(data, 1.0)
    except (TrustError, RemoteProtocolError):
        assert channel.ended
    channel.data_to_send()
    channel.events()
    channel.next_deadline()
    try:
        channel.handle_deadline(1000.0)
    except LimitExceeded:
        assert channel.ended
    channel.close()
    channel.receive_eof(1000.0)


@settings(max_examples=150)
@given(st.sampled_from([0, 1, 2]), st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 255)), min_size=1, max_size=3))
def test_a_changed_handshake_raises_only_what_is_documented(number: int, edits: list[tuple[int, int]]) -> None:
    channel, data = flight(number)
    changed = bytearray(data)
    for position, value in edits:
        changed[position % len(changed)] ^= value
    feed(channel, bytes(changed))


@settings(max_examples=50)
@given(st.binary(max_size=600), st.booleans())
def test_garbage_raises_only_what_is_documented(data: bytes, client: bool) -> None:
    feed(technician() if client else agent(), data)


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=300))
def test_garbage_after_the_handshake_raises_only_what_is_documented(data: bytes) -> None:
    ours, _ = pair()
    try:
        ours.receive_data(b"\x17\x03\x03" + len(data).to_bytes(2, "big") + data, 1.0)
    except HandrailError as error:
        assert isinstance(error, (TrustError, RemoteProtocolError))
    assert text_of(ours.events()) == b""


# -- guests ---------------------------------------------------------------------------------------------------------------


def meet_guest(who: Credentials, *, guest: bool = True, wall: Wall = WALL) -> tuple[SealedChannel, SealedChannel]:
    ours = SealedChannel.technician(ANA.key, ANA.chain, root_der=OURS.root, wall=wall, guest=guest)
    return ours, agent(who)


def test_a_technician_who_expects_a_guest_meets_one() -> None:
    guest = OURS.guest()
    ours, theirs = meet_guest(guest)
    pump(ours, theirs)
    assert ours.peer is not None
    assert theirs.peer is not None
    assert (ours.peer.role, ours.peer.peer) == (Role.GUEST, guest.peer)
    assert (theirs.peer.role, theirs.peer.display_name) == (Role.TECHNICIAN, "Ana Ruiz")
    assert ours.exporter(b"EXPORTER-x", 32) == theirs.exporter(b"EXPORTER-x", 32)
    ours.recheck(WALL + timedelta(hours=1))
    with pytest.raises(TrustError, match="expired"):
        ours.recheck(WALL + timedelta(hours=3))


def test_a_guest_is_accepted_where_one_is_expected_and_an_enrolled_device_is_not() -> None:
    for who, expects_guest in ((OURS.guest(), False), (DEVICE, True), (THEIRS.guest(), True)):
        ours, theirs = meet_guest(who, guest=expects_guest)
        with pytest.raises(TrustError):
            pump(ours, theirs)
        assert ours.peer is None
        assert theirs.peer is None


def test_nobody_is_let_in_at_a_guest_but_a_technician_of_its_organisation() -> None:
    guest = OURS.guest()
    for who, root in ((THEIRS.technician(), THEIRS.root), (OURS.guest(), OURS.root), (DEVICE, OURS.root)):
        ours = SealedChannel.technician(who.key, who.chain, root_der=root, wall=WALL, guest=True)
        theirs = agent(guest)
        with pytest.raises(TrustError):
            pump(ours, theirs)
        assert theirs.peer is None
