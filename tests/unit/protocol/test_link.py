"""The control link, both ends in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LimitExceeded, LocalProtocolError, RefusalReason, TrustError, UndecodableMessage
from protocol.keys import PrivateKey
from protocol.limits import LIMITS
from protocol.link import (
    PEER_SAYS,
    RELAY_SAYS,
    LinkError,
    LinkMessageReceived,
    LinkReady,
    LinkRefused,
    LinkState,
    LinkUnknown,
    PeerAuthenticated,
    PeerEvent,
    PeerLink,
    RelayEvent,
    RelayLink,
    canonical_origin,
    decode_link,
    encode_link,
    login_payload,
)
from protocol.link_messages import (
    AnyLinkMessage,
    Challenge,
    CodeRedeem,
    DevicesQuery,
    Done,
    HelpRequest,
    LinkMessage,
    LoggedIn,
    Login,
    LoginRefused,
    MailSend,
    Reconnect,
    Role,
)
from protocol.version import OLDEST_PROTOCOL, PROTOCOL
from tests.kit.organisation import Credentials, Organisation
from tests.vectors.examples import LINK_MESSAGES

WALL = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OURS = Organisation("Ours", wall=WALL)
PEERS = {Role.DEVICE: OURS.device(peer="dev1"), Role.TECHNICIAN: OURS.technician(peer="ana1"), Role.SIGNER: OURS.signer()}
PEERS[Role.GUEST] = OURS.guest()
ORIGIN = "https://relay.example:8443"


def peer_link(
    role: Role = Role.DEVICE, origin: str = ORIGIN, credentials: Credentials | None = None, now: float = 0.0
) -> PeerLink:
    who = credentials or PEERS[role]
    return PeerLink(role, who.login_key, who.login_chain, origin, "Reception PC", "Linux", now)


def relay_link(
    origin: str | list[str] = ORIGIN,
    roots: Callable[[str], bytes | None] = lambda organisation: OURS.root if organisation == OURS.id else None,
    wall: datetime | Callable[[], datetime] = WALL,
    now: float = 0.0,
    nonce: bytes = b"n" * 32,
) -> RelayLink:
    return RelayLink(origin, roots, lambda size: nonce[:size], wall, now)


class Talk:
    """Both ends, with whatever each of them noticed."""

    def __init__(self, peer: PeerLink, relay: RelayLink, *, accept: bool = True) -> None:
        self.peer, self.relay, self.accept = peer, relay, accept
        self.peer_events: list[PeerEvent] = []
        self.relay_events: list[RelayEvent] = []

    def run(self, now: float = 1.0) -> "Talk":
        busy = True
        while busy:
            busy = False
            for data in self.relay.data_to_send():
                self.peer.receive_data(data, now)
                busy = True
            for data in self.peer.data_to_send():
                self.relay.receive_data(data, now)
                busy = True
            self.peer_events += self.peer.events()
            for event in self.relay.events():
                self.relay_events.append(event)
                if self.accept and isinstance(event, PeerAuthenticated):
                    self.relay.accept(now)
                    busy = True
        return self


def logged_in(role: Role = Role.DEVICE) -> Talk:
    talk = Talk(peer_link(role), relay_link()).run()
    assert isinstance(talk.peer_events.pop(), LinkReady)
    assert isinstance(talk.relay_events.pop(), PeerAuthenticated)
    return talk


# -- codec ----------------------------------------------------------------------------------------------------------------


def test_there_is_an_example_of_every_message() -> None:
    assert {type(message) for message in LINK_MESSAGES} == set(AnyLinkMessage.__args__)


@pytest.mark.parametrize("message", LINK_MESSAGES, ids=lambda message: message.__struct_config__.tag)
def test_every_message_comes_back_as_it_was(message: LinkMessage) -> None:
    assert decode_link(encode_link(message), 10_000) == message


def test_unknown_keys_are_ignored_and_unknown_types_named() -> None:
    assert decode_link(msgspec.msgpack.encode({"type": "done", "request": 7, "colour": "red"}), 1000) == Done(7)
    assert decode_link(msgspec.msgpack.encode({"type": "x" * 99, "a": 1}), 1000) == LinkUnknown("x" * 64)


def test_a_message_that_is_too_long_is_not_read() -> None:
    with pytest.raises(LimitExceeded, match="101 bytes"):
        decode_link(bytes(101), 100)


@pytest.mark.parametrize(
    "value",
    [
        {"type": "done"},
        {"type": "done", "request": -1},
        {"type": "done", "request": 2**32},
        {"type": "code.redeem", "request": 1, "code": "12345678"},
        {"type": "code.redeem", "request": 1, "code": "12345678x"},
        {"type": "device.ask", "request": 1, "device": "../etc"},
        {"type": "reconnect", "seconds": float("nan")},
        {"type": "reconnect", "seconds": -1.0},
        {"type": "help.request", "request": 1, "text": "x" * 501},
        {"type": "mail.send", "request": 1, "recipient": "signer", "kind": "a", "body": bytes(128 * 1024 + 1)},
        {"type": "challenge", "nonce": bytes(31), "relay": "r", "protocol": 1},
        {"request": 1},
        {"type": ""},
        {"type": 7},
        [],
        None,
        "done",
    ],
)
def test_fields_are_checked_when_decoding(value: object) -> None:
    with pytest.raises(UndecodableMessage):
        decode_link(msgspec.msgpack.encode(value), 1 << 20)


def test_deep_nesting_is_no_way_in() -> None:
    with pytest.raises(UndecodableMessage):
        decode_link(b"\x91" * 100_000, 1 << 20)
    with pytest.raises(UndecodableMessage):
        decode_link(b"\x82\xa4type\xa4done\xa1x" + b"\x91" * 100_000, 1 << 20)


@given(st.binary(max_size=200))
def test_garbage_raises_only_what_is_documented(data: bytes) -> None:
    try:
        decode_link(data, 150)
    except (LimitExceeded, UndecodableMessage):
        pass


@given(st.sampled_from(LINK_MESSAGES), st.integers(0, 400), st.integers(1, 255))
def test_changed_messages_raise_only_what_is_documented(message: LinkMessage, position: int, change: int) -> None:
    data = bytearray(encode_link(message))
    data[position % len(data)] ^= change
    try:
        decode_link(data, 10_000)
    except UndecodableMessage:
        pass


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Relay.Example", "https://relay.example"),
        ("https://relay.example:443/", "https://relay.example"),
        ("wss://relay.example:8443/link", "https://relay.example:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("ws://127.0.0.1:8080/link?x=1", "http://127.0.0.1:8080"),
        ("https://[::1]:08443", "https://[::1]:8443"),
    ],
)
def test_an_origin_has_one_form(url: str, origin: str) -> None:
    assert canonical_origin(url) == origin
    assert canonical_origin(origin) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "relay.example",
        "ftp://x",
        "https://",
        "https://user@host",
        "https://a:0",
        "https://a:65536",
        "https://a b",
        "https://a\n",
    ],
)
def test_what_is_no_address_is_said_so(url: str) -> None:
    with pytest.raises(LocalProtocolError):
        canonical_origin(url)


# -- login ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_each_role_logs_in(role: Role) -> None:
    talk = Talk(peer_link(role), relay_link()).run()
    peer = PEERS[role].peer
    assert talk.peer_events == [LinkReady(peer, OURS.id, LIMITS.link_heartbeat_seconds)]
    (event,) = talk.relay_events
    assert isinstance(event, PeerAuthenticated)
    assert (event.role, event.peer, event.organisation) == (role, peer, OURS.id)
    assert (event.label, event.platform, event.protocol) == ("Reception PC", "Linux", PROTOCOL)
    assert event.leaf_der == PEERS[role].login_chain[0]
    assert event.identity.not_after > WALL
    assert talk.peer.next_deadline() is None
    assert talk.relay.next_deadline() is None


def test_a_relay_may_have_several_addresses_and_a_peer_dials_one() -> None:
    talk = Talk(peer_link(origin="wss://127.0.0.1:8443/link"), relay_link([ORIGIN, "https://127.0.0.1:8443"])).run()
    assert talk.peer.state is LinkState.READY


def refused(talk: Talk) -> tuple[RefusalReason, str]:
    """Both sides know, and both are closed."""
    (seen,) = [event for event in talk.run().peer_events if isinstance(event, LinkRefused)]
    assert seen in talk.relay_events
    assert not [event for event in talk.relay_events if isinstance(event, PeerAuthenticated)]
    assert talk.peer.closed
    assert talk.relay.closed
    return seen.reason, seen.text


def test_a_login_for_another_address_is_refused() -> None:
    """A relay in the middle cannot pass our login on to the real one."""
    reason, text = refused(Talk(peer_link(origin="https://evil.example"), relay_link()))
    assert reason is RefusalReason.UNTRUSTED
    assert ORIGIN in text


def test_a_replayed_login_is_refused() -> None:
    talk = Talk(peer_link(), relay_link(nonce=b"1" * 32))
    for data in talk.relay.data_to_send():
        talk.peer.receive_data(data, 0)
    (login,) = talk.peer.data_to_send()
    other = relay_link(nonce=b"2" * 32)
    other.receive_data(login, 0)
    (event,) = other.events()
    assert isinstance(event, LinkRefused)


def test_an_unknown_organisation_is_refused() -> None:
    assert refused(Talk(peer_link(), relay_link(roots=lambda _: None)))[0] is RefusalReason.NOT_FOUND


def test_a_stranger_with_our_names_is_refused() -> None:
    theirs = Organisation("Theirs", wall=WALL)
    talk = Talk(peer_link(credentials=theirs.device()), relay_link(roots=lambda _: OURS.root))
    assert refused(talk)[0] is RefusalReason.UNTRUSTED


def test_an_expired_login_is_refused_with_a_sentence() -> None:
    reason, text = refused(Talk(peer_link(), relay_link(wall=lambda: WALL + timedelta(days=91))))
    assert reason is RefusalReason.UNTRUSTED
    assert "expired" in text


def test_a_key_that_is_not_the_leafs_is_refused() -> None:
    thief = replace(PEERS[Role.DEVICE], login_key=PrivateKey.generate())
    assert refused(Talk(peer_link(credentials=thief), relay_link()))[0] is RefusalReason.UNTRUSTED


def test_a_session_leaf_does_not_log_in() -> None:
    device = PEERS[Role.DEVICE]
    mixed = replace(device, login_chain=device.chain, login_key=device.key)
    assert refused(Talk(peer_link(credentials=mixed), relay_link()))[0] is RefusalReason.UNTRUSTED


def test_a_peer_cannot_say_it_is_something_else() -> None:
    device, relay = PEERS[Role.DEVICE], relay_link()
    signature = device.login_key.sign(login_payload(ORIGIN, b"n" * 32, Role.TECHNICIAN))
    relay.receive_data(encode_link(Login(Role.TECHNICIAN, device.login_chain, signature, PROTOCOL)), 0)
    (event,) = relay.events()
    assert isinstance(event, LinkRefused)
    with pytest.raises(LocalProtocolError):
        peer_link(Role.TECHNICIAN, credentials=device)


def test_versions_that_do_not_meet_are_named() -> None:
    relay = relay_link()
    relay.receive_data(encode_link(Login(Role.DEVICE, PEERS[Role.DEVICE].login_chain, b"", OLDEST_PROTOCOL - 1)), 0)
    (event,) = relay.events()
    assert isinstance(event, LinkRefused)
    assert event.reason is RefusalReason.VERSION
    peer = peer_link()
    peer.receive_data(encode_link(Challenge(bytes(32), ORIGIN, OLDEST_PROTOCOL - 1)), 0)
    (seen,) = peer.events()
    assert isinstance(seen, LinkRefused)
    assert seen.reason is RefusalReason.VERSION
    assert peer.closed


def test_the_relay_may_refuse_whom_it_has_recognised() -> None:
    talk = Talk(peer_link(), relay_link(), accept=False).run()
    assert talk.relay.state is LinkState.DECIDING
    talk.relay.send_refusal(RefusalReason.BUSY, "x" * 300, 1.0)
    talk.run()
    assert talk.peer_events == [LinkRefused(RefusalReason.BUSY, "x" * 200)]
    talk.relay.send_refusal(RefusalReason.BUSY, "again", 1.0)
    assert talk.relay.data_to_send() == []


def test_accepting_can_be_said_as_a_message() -> None:
    talk = Talk(peer_link(), relay_link(), accept=False).run()
    talk.relay.send(LoggedIn("dev1", OURS.id, 5.0), 1.0)
    assert talk.run().peer_events == [LinkReady("dev1", OURS.id, 5.0)]
    refusing = Talk(peer_link(), relay_link(), accept=False).run()
    refusing.relay.send(LoginRefused(RefusalReason.REVOKED, "no"), 1.0)
    assert refusing.run().peer_events == [LinkRefused(RefusalReason.REVOKED, "no")]


def test_a_relay_that_takes_us_for_another_is_left() -> None:
    for answer in (LoggedIn("dev2", OURS.id, 5.0), LoggedIn("dev1", "0" * 16, 5.0), LoggedIn("dev1", OURS.id, 0.0)):
        peer = peer_link()
        peer.receive_data(encode_link(Challenge(bytes(32), ORIGIN, 1)), 0)
        peer.receive_data(encode_link(answer), 0)
        (event,) = peer.events()
        assert isinstance(event, LinkError)
        assert peer.closed


def test_the_login_has_a_deadline_on_both_sides() -> None:
    peer, relay = peer_link(now=100.0), relay_link(now=200.0)
    assert (peer.next_deadline(), relay.next_deadline()) == (110.0, 210.0)
    peer.handle_deadline(109.9)
    relay.handle_deadline(209.9)
    assert (peer.events(), relay.events()) == ([], [])
    peer.handle_deadline(110.0)
    relay.handle_deadline(210.0)
    (left,), (refusal,) = peer.events(), relay.events()
    assert isinstance(left, LinkError)
    assert "10 seconds" in left.text
    assert isinstance(refusal, LinkRefused)
    assert refusal.reason is RefusalReason.EXPIRED
    assert isinstance(decode_link(relay.data_to_send()[-1], 1000), LoginRefused)
    assert peer.next_deadline() is None
    assert relay.next_deadline() is None


def test_texts_about_the_device_are_cut_not_refused() -> None:
    device = PEERS[Role.DEVICE]
    peer = PeerLink(Role.DEVICE, device.login_key, device.login_chain, ORIGIN, "x" * 500, "y" * 500, 0.0)
    talk = Talk(peer, relay_link()).run()
    assert isinstance(talk.relay_events[0], PeerAuthenticated)
    assert len(talk.relay_events[0].label) == 100


def test_a_peer_needs_a_leaf_of_the_profile() -> None:
    with pytest.raises(TrustError):
        PeerLink(Role.DEVICE, PrivateKey.generate(), [OURS.root], ORIGIN, "", "", 0.0)
    with pytest.raises(LocalProtocolError):
        relay_link([])


# -- who may say what -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("message", LINK_MESSAGES, ids=lambda message: message.__struct_config__.tag)
def test_a_peer_says_what_its_role_may_and_nothing_else(role: Role, message: LinkMessage) -> None:
    talk = logged_in(role)
    if type(message) in PEER_SAYS[role]:
        talk.peer.send(message, 2.0)
        assert talk.run().relay_events == [LinkMessageReceived(message)]
        return
    with pytest.raises(LocalProtocolError):
        talk.peer.send(message, 2.0)
    talk.relay.receive_data(encode_link(message), 2.0)
    (event,) = talk.relay.events()
    assert isinstance(event, LinkError)
    assert talk.relay.closed


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("message", LINK_MESSAGES, ids=lambda message: message.__struct_config__.tag)
def test_a_relay_says_what_a_role_takes_and_nothing_else(role: Role, message: LinkMessage) -> None:
    talk = logged_in(role)
    if type(message) in RELAY_SAYS[role]:
        talk.relay.send(message, 2.0)
        assert talk.run().peer_events == [LinkMessageReceived(message)]
        return
    with pytest.raises(LocalProtocolError):
        talk.relay.send(message, 2.0)
    talk.peer.receive_data(encode_link(message), 2.0)
    (event,) = talk.peer.events()
    assert isinstance(event, LinkError)
    assert talk.peer.closed


def test_every_message_has_a_place_in_the_tables() -> None:
    placed = set().union(*PEER_SAYS.values(), *RELAY_SAYS.values())
    assert placed == set(AnyLinkMessage.__args__) - {Challenge, Login, LoggedIn, LoginRefused}


@pytest.mark.parametrize("message", LINK_MESSAGES, ids=lambda message: message.__struct_config__.tag)
def test_before_login_nothing_is_said(message: LinkMessage) -> None:
    peer, relay = peer_link(), relay_link()
    with pytest.raises(LocalProtocolError):
        peer.send(message, 0.0)
    if not isinstance(message, Login):
        relay.receive_data(encode_link(message), 0.0)
        (event,) = relay.events()
        assert isinstance(event, LinkError)
    if not isinstance(message, (Challenge, LoginRefused, Reconnect)):
        peer.receive_data(encode_link(message), 0.0)
        (seen,) = peer.events()
        assert isinstance(seen, LinkError)


def test_a_relay_that_is_going_away_says_so_at_any_time() -> None:
    talk = Talk(peer_link(), relay_link())
    talk.relay.send(Reconnect(2.0), 0.0)
    assert LinkMessageReceived(Reconnect(2.0)) in talk.run().peer_events


def test_a_relay_sends_nothing_to_a_peer_that_is_not_in() -> None:
    with pytest.raises(LocalProtocolError):
        relay_link().send(Done(1), 0.0)
    with pytest.raises(LocalProtocolError):
        relay_link().accept(0.0)
    with pytest.raises(LocalProtocolError):
        logged_in().relay.send_refusal(RefusalReason.BUSY, "", 0.0)


def test_a_message_that_could_not_be_read_is_not_sent() -> None:
    talk = logged_in(Role.TECHNICIAN)
    for bad in (CodeRedeem(1, "123"), MailSend(1, "signer", "k", bytes(129 * 1024)), DevicesQuery(1, limit=0)):
        with pytest.raises(LocalProtocolError, match="cannot be sent"):
            talk.peer.send(bad, 0.0)
    assert talk.peer.data_to_send() == []


def test_sizes_are_bounded_before_and_after_login() -> None:
    relay = relay_link()
    relay.receive_data(bytes(LIMITS.link_login_bytes + 1), 0.0)
    assert isinstance(relay.events()[0], LinkError)
    talk = logged_in()
    talk.relay.receive_data(bytes(LIMITS.link_message_bytes + 1), 0.0)
    assert isinstance(talk.relay.events()[0], LinkError)
    talk.peer.receive_data(bytes(LIMITS.link_message_bytes + 1), 0.0)
    assert isinstance(talk.peer.events()[0], LinkError)


def test_a_newer_relay_is_tolerated_and_a_newer_peer_is_not() -> None:
    talk, data = logged_in(), msgspec.msgpack.encode({"type": "weather", "sun": True})
    talk.peer.receive_data(data, 2.0)
    assert talk.peer.events() == [LinkUnknown("weather")]
    assert not talk.peer.closed
    talk.relay.receive_data(data, 2.0)
    assert isinstance(talk.relay.events()[0], LinkError)


@given(
    st.lists(st.one_of(st.binary(max_size=100), st.sampled_from([encode_link(message) for message in LINK_MESSAGES])), max_size=5)
)
def test_whatever_comes_no_method_raises(items: list[bytes]) -> None:
    for link in (peer_link(), relay_link()):
        for item in items:
            link.receive_data(item, 0.0)
        link.events()
        link.data_to_send()
        link.handle_deadline(1000.0)
        assert link.closed
        link.receive_data(b"late", 1001.0)
        assert len(link.events()) <= 1


# -- guests ---------------------------------------------------------------------------------------------------------------


def test_a_guest_proves_its_key_and_must_be_one_of_an_organisation_served_here() -> None:
    talk = logged_in(Role.GUEST)
    talk.peer.send(HelpRequest(1), 1.0)
    talk.run()
    assert talk.relay_events == [LinkMessageReceived(HelpRequest(1))]
    stranger = Organisation("Theirs", wall=WALL).guest()
    talk = Talk(peer_link(Role.GUEST, credentials=stranger), relay_link()).run()
    (refused,) = talk.peer_events
    assert isinstance(refused, LinkRefused)
    assert refused.reason is RefusalReason.NOT_FOUND
    thief = replace(PEERS[Role.GUEST], login_key=PrivateKey.generate())
    talk = Talk(peer_link(Role.GUEST, credentials=thief), relay_link()).run()
    (refused,) = talk.peer_events
    assert isinstance(refused, LinkRefused)
    assert refused.reason is RefusalReason.UNTRUSTED


@pytest.mark.parametrize("role", [Role.DEVICE, Role.TECHNICIAN, Role.SIGNER])
def test_a_guests_certificate_logs_nobody_else_in(role: Role) -> None:
    guest = PEERS[Role.GUEST]
    relay = relay_link()
    (challenge,) = relay.data_to_send()
    nonce = msgspec.msgpack.decode(challenge)["nonce"]
    signature = guest.login_key.sign(login_payload(ORIGIN, nonce, role))
    relay.receive_data(encode_link(Login(role, guest.login_chain, signature, PROTOCOL)), 1.0)
    (refused,) = relay.events()
    assert isinstance(refused, LinkRefused)
    assert refused.reason is RefusalReason.UNTRUSTED
