"""Rows 25, 26, 32: what careless code, old cryptography and a vendor could do, looked for in the code and at run time."""

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from OpenSSL import SSL

from hostio.dialling import Dialling
from hostio.relay_http import RelayHttp
from hostio.relay_websocket import open_websocket
from protocol.certificates import PrivateKey, Role, check_chain
from protocol.channel import Established, SealedChannel
from protocol.errors import HandrailError
from protocol.relay_address import parse_relay_url
from protocol.session import ConsentNeeded, SessionState
from tests.architecture.source import ROOT
from tests.kit.conversation import Conversation
from tests.kit.forgery import forge
from tests.kit.organisation import Organisation
from tests.kit.tls_server import tls_files

PRODUCT = ("protocol", "hostio", "relay", "agent", "technician_client")
SHIPPED = {".py", ".js", ".html", ".css", ".toml", ".json", ".svg"}


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def shipped() -> Iterator[tuple[Path, str]]:
    """Every file of ours that is installed (libraries of others, which are pinned by hash, left out)."""
    for package in PRODUCT:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in SHIPPED and path.is_file() and "vendor" not in path.parts:
                yield path, path.read_text(encoding="utf-8")


# -- row 25: verification turned off -----------------------------------------------------------------------------------


@pytest.mark.attack(25)
def test_no_switch_turns_verification_off() -> None:
    """No option, variable or setting whose name promises it, in any program."""
    wish = re.compile(
        r"insecure|no.?verify|skip.?(verif|check|tls|auth)|allow.?(self|unsigned|any)|trust.?all|unencrypted|plain.?text|disable.?(tls|auth|verif)",
        re.I,
    )
    names = re.compile(r"""["'](--[a-z-]+|HANDRAIL_[A-Z_]+)["']|^\s{4}(\w+): (?:bool|Annotated)""", re.M)
    found = []
    for path, text in shipped():
        for match in names.finditer(text):
            name = match.group(1) or match.group(2) or ""
            if wish.search(name.replace("_", "-")):
                found.append(f"{path}: {name}")
    assert found == []


@pytest.mark.attack(25)
@pytest.mark.parametrize("variable", ["OPENSSL_CONF", "SSLKEYLOGFILE", "PYTHONHTTPSVERIFY", "REQUESTS_CA_BUNDLE"])
def test_the_product_reads_no_variable_that_weakens_tls(variable: str) -> None:
    assert not [path for path, text in shipped() if variable in text]


@contextmanager
def another_relay(directory: Path) -> Iterator[tuple[str, str]]:
    """A server with a certificate of its own, and the requests that reached it."""
    certificate, key, pin = tls_files(directory)
    reached: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reached.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", pin
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.reached = reached  # type: ignore[attr-defined]


@pytest.mark.attack(25, without=["relay_pin"])
def test_a_relay_with_another_key_is_not_spoken_to(tmp_path: Path) -> None:
    with another_relay(tmp_path) as (url, pin):
        assert RelayHttp(url, pin).request("GET", "/version").status == 200
        with pytest.raises(HandrailError):
            RelayHttp(url, "ab" * 32).request("GET", "/version")


@pytest.mark.attack(25, without=["relay_pin"])
async def test_no_ticket_goes_to_a_relay_with_another_key(tmp_path: Path) -> None:
    with another_relay(tmp_path) as (url, _), pytest.raises(HandrailError, match="does not hold the key"):
        await open_websocket(
            parse_relay_url(url),
            "/tunnel",
            spki="ab" * 32,
            dialling=Dialling("handrail", 15.0),
            max_bytes=1000,
            ticket="t" * 20,
        )


@pytest.mark.attack(25)
def test_a_relay_without_a_pin_must_have_a_certificate_that_somebody_vouches_for(tmp_path: Path) -> None:
    with another_relay(tmp_path) as (url, _), pytest.raises(HandrailError):
        RelayHttp(url, "").request("GET", "/version")


# -- row 26: weak cryptography -------------------------------------------------------------------------------------------


def handshake(agent: SealedChannel, technician: SealedChannel) -> None:
    while (data := technician.data_to_send()) or (back := agent.data_to_send()):
        if data:
            agent.receive_data(data, 0.0)
        else:
            technician.receive_data(back, 0.0)


@pytest.mark.attack(26)
def test_what_is_negotiated_is_the_best_there_is(organisation: Organisation) -> None:
    device, person = organisation.device(), organisation.technician()
    agent = SealedChannel.agent(device.key, device.chain, root_der=organisation.root, wall=organisation.wall)
    technician = SealedChannel.technician(person.key, person.chain, root_der=organisation.root, wall=organisation.wall)
    handshake(agent, technician)
    for side in (agent, technician):
        (established,) = [event for event in side.events() if isinstance(event, Established)]
        parameters = established.parameters
        assert parameters.version == "TLSv1.3"
        assert parameters.cipher in {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"}
        assert parameters.group == "X25519MLKEM768", "the key exchange must withstand whoever records today and computes later"
        assert parameters.alpn == "handrail/1"


def stranger(organisation: Organisation, *, newest: int, alpn: list[bytes]) -> tuple[bytes, SSL.Connection]:
    """A technician of the organisation with a TLS of its own: at most this version, these protocols."""
    person = organisation.technician()
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(newest)
    context.set_verify(SSL.VERIFY_NONE, lambda *_: True)
    from cryptography import x509

    context.use_certificate(x509.load_der_x509_certificate(person.chain[0]))
    context.add_extra_chain_cert(x509.load_der_x509_certificate(person.chain[1]))
    context.use_privatekey(person.key.unwrap())
    if alpn:
        context.set_alpn_protos(alpn)
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    return b"", connection


def meet(channel: SealedChannel, connection: SSL.Connection) -> bool:
    """Whether a channel of ours is established with somebody else's TLS."""
    for _ in range(10):
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            pass
        except SSL.Error:
            break
        try:
            data = connection.bio_read(65536)
        except SSL.WantReadError:
            data = b""
        try:
            channel.receive_data(data, 0.0)
        except HandrailError:
            return False
        answer = channel.data_to_send()
        if not data and not answer:
            break
        if answer:
            connection.bio_write(answer)
    return any(isinstance(event, Established) for event in channel.events())


@pytest.mark.attack(26)
def test_a_stranger_with_the_right_parameters_is_let_in(organisation: Organisation) -> None:
    """So that what follows is refused for its parameters."""
    device = organisation.device()
    channel = SealedChannel.agent(device.key, device.chain, root_der=organisation.root, wall=organisation.wall)
    assert meet(channel, stranger(organisation, newest=SSL.TLS1_3_VERSION, alpn=[b"handrail/1"])[1])


@pytest.mark.attack(8, without=["channel_parameters"])
@pytest.mark.attack(26, without=["channel_parameters"])
@pytest.mark.parametrize(
    ("newest", "alpn"),
    [(SSL.TLS1_2_VERSION, [b"handrail/1"]), (SSL.TLS1_3_VERSION, [b"handrail/0", b"http/1.1"])],
    ids=["TLS 1.2", "another protocol"],
)
def test_older_tls_and_other_protocols_are_refused(organisation: Organisation, newest: int, alpn: list[bytes]) -> None:
    device = organisation.device()
    channel = SealedChannel.agent(device.key, device.chain, root_der=organisation.root, wall=organisation.wall)
    assert not meet(channel, stranger(organisation, newest=newest, alpn=alpn)[1])


@pytest.mark.attack(26)
def test_a_key_of_another_kind_is_refused(organisation: Organisation) -> None:
    person = organisation.technician()
    other = ed25519.Ed25519PrivateKey.generate().public_key()
    leaf = forge(person.chain[0], person.chain[1], organisation.ca_keys[Role.TECHNICIAN], public_key=other)
    with pytest.raises(HandrailError):
        check_chain(
            [leaf, person.chain[1]],
            root_der=organisation.root,
            expected=Role.TECHNICIAN,
            purpose="session",
            wall=organisation.wall,
        )


@pytest.mark.attack(26, without=["leaf_profile"])
@pytest.mark.parametrize("kind", ["P-384", "a life of a year", "a login's usage"])
def test_keys_and_lives_outside_the_profile_are_refused(organisation: Organisation, kind: str) -> None:
    person = organisation.technician()
    template, wall = person.chain[0], organisation.wall
    options: dict[str, object] = {}
    if kind == "P-384":
        options["public_key"] = ec.generate_private_key(ec.SECP384R1()).public_key()
    elif kind == "a life of a year":
        options["not_after"] = wall + timedelta(days=360)
    else:
        from cryptography import x509

        from protocol.certificate_profile import LOGIN_USAGES

        usage = x509.ExtendedKeyUsage(sorted(LOGIN_USAGES, key=lambda one: one.dotted_string))
        options["change"] = {usage.oid: (usage, False)}
    leaf = forge(template, person.chain[1], organisation.ca_keys[Role.TECHNICIAN], **options)  # type: ignore[arg-type]
    with pytest.raises(HandrailError):
        check_chain([leaf, person.chain[1]], root_der=organisation.root, expected=Role.TECHNICIAN, purpose="session", wall=wall)


@pytest.mark.attack(26)
def test_keys_do_not_show_themselves() -> None:
    key = PrivateKey.generate()
    number = key.unwrap().private_numbers().private_value
    for shown in (repr(key), str(key), f"{key}"):
        assert str(number) not in shown
        assert f"{number:x}" not in shown


# -- row 32: the vendor ----------------------------------------------------------------------------------------------------


@pytest.mark.attack(32)
def test_no_address_of_anybody_stands_in_the_product() -> None:
    """No default relay, no telemetry, no update server: the product knows only addresses that an organisation gave it (its
    documentation names where the tables' names come from)."""
    address = re.compile(r"(?:https?|wss?)://([A-Za-z0-9.-]*[A-Za-z0-9])")
    harmless = re.compile(
        r"^(localhost|osquery\.io|127\.0\.0\.1|host|www\.w3\.org|relay|([a-z]+\.)*(example|invalid|test)(\.(org|com|net))?)$",
        re.I,
    )
    found = {}
    for path, text in shipped():
        for host in address.findall(text):
            if not harmless.match(host):
                found.setdefault(host, []).append(path.relative_to(ROOT).as_posix())
    assert found == {}


@pytest.mark.attack(32)
def test_no_key_of_anybody_stands_in_the_product() -> None:
    """Whatever an organisation trusts it has made itself."""
    pem = r"BEGIN [A-Z ]*(CERTIFICATE|KEY)-+\s+[A-Za-z0-9+/]{20}|MII[A-Za-z0-9+/]{20}"
    key = re.compile(pem + r"|\b[0-9a-f]{64}\b|ssh-(rsa|ed25519) ")
    found = [path for path, text in shipped() if key.search(text)]
    assert found == []


@pytest.mark.attack(32)
def test_a_fresh_program_trusts_nobody(tmp_path: Path) -> None:
    """Without a bundle there is nothing that an agent would listen to."""
    from agent.enrolment import load_identity
    from agent.errors import NotEnrolled
    from technician_client.errors import NotSetUp
    from technician_client.identity import read_record

    with pytest.raises(NotEnrolled):
        load_identity(tmp_path)
    with pytest.raises(NotSetUp):
        read_record(tmp_path)


@pytest.mark.attack(32, without=["pinned_root"])
def test_another_organisation_of_the_same_software_is_a_stranger(organisation: Organisation) -> None:
    """The vendor runs Handrail too: its technicians, certified by its root, are nobody here."""
    vendor = Organisation("Handrail", wall=organisation.wall)
    talk = Conversation(organisation, technician=vendor.technician("Support", 3)).run()
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)
    assert talk.agent.state is SessionState.ENDED
