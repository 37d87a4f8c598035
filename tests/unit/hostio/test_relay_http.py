"""HTTP requests to the relay: the pin comes before the first byte, everything is bounded, nothing is followed."""

import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from hostio.errors import RelayUnreachable
from hostio.relay_http import RelayHttp
from protocol.errors import TrustError
from protocol.relay_address import HttpAnswer, RelayAddressError
from tests.kit.connect_proxy import connect_proxy
from tests.kit.http_relay import http_relay
from tests.kit.processes import free_port
from tests.kit.tls_server import tls_files


@contextmanager
def tls_server(directory: Path) -> Iterator[tuple[str, str, list[str]]]:
    """A TLS server with a certificate of its own: (url, pin, requests it saw)."""
    certificate, key, pin = tls_files(directory)
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response_only(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[assignment,method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", pin, seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_pinned_relay_is_spoken_to_and_no_other(tmp_path: Path) -> None:
    with tls_server(tmp_path) as (url, pin, seen):
        assert RelayHttp(url, pin).request("GET", "/version").body == b"ok"
        with pytest.raises(TrustError, match="pinned"):
            RelayHttp(url, "ab" * 32).request("GET", "/secret", bearer="ticket")
        with pytest.raises(TrustError, match="handrail-relay init"):
            RelayHttp(url, "").request("GET", "/secret", bearer="ticket")
        assert seen == ["/version"]


def test_answers_are_bounded_and_redirects_are_not_followed() -> None:
    with http_relay() as relay:
        http = RelayHttp(relay.url, "")
        relay.bodies["/large"] = bytes(1001)
        with pytest.raises(RelayUnreachable, match="more than 1000"):
            http.request("GET", "/large", max_bytes=1000)
        relay.statuses["/moved"] = 302
        assert http.request("GET", "/moved").status == 302 and len(relay.requests) == 2
        assert http.request("GET", "/version").date.endswith("GMT")
        http.post_json("/api/x", {"a": b"bytes"}, bearer="t")
        method, path, headers = relay.requests[-1]
        assert (method, path, headers["Authorization"], headers["Content-Type"]) == (
            "POST",
            "/api/x",
            "Bearer t",
            "application/json",
        )


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], "broke its answer off"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc"], "does not answer"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", *[bytes(65536)] * 20], "more than was asked for"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], "does not answer"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000], "more than was asked for"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[0.1, b"x"] * 50], "no answer in time"),
    ],
)
def test_answers_that_are_none_are_told_apart(parts: list[bytes | float], says: str) -> None:
    """Cut short, framed wrongly, without end, a byte now and then."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                for part in parts:
                    if isinstance(part, float):
                        time.sleep(part)  # the attack itself: a byte now and then
                    else:
                        connection.sendall(part)

        thread = threading.Thread(target=serve)
        thread.start()
        http = RelayHttp(f"http://127.0.0.1:{listener.getsockname()[1]}", "", timeout=5, answer_seconds=0.5)
        try:
            with pytest.raises(RelayUnreachable, match=says):
                http.request("GET", "/x", max_bytes=1000)
        finally:
            thread.join()


def test_problems_are_shown_as_plain_text() -> None:
    assert HttpAnswer(503, b'{"title":"Full","detail":"Wait\\u001b[2J a bit."}', "").problem() == "Wait\\x1b[2J a bit."
    assert HttpAnswer(503, b'{"title":"Full"}', "").problem() == "Full"
    assert HttpAnswer(503, b"<html>", "").problem() == "status 503"
    assert HttpAnswer(500, b"{}", "").problem() == "status 500"


@pytest.mark.parametrize(
    ("url", "pin"),
    [
        ("http://relay.example", ""),
        ("ftp://relay.example", ""),
        ("https://relay.example/path", ""),
        ("https://user@relay.example", ""),
        ("https://relay.example:99999", ""),
        ("relay.example", ""),
        ("https://relay.example", "abc"),
        ("https://relay.example", "zz" * 32),
    ],
)
def test_addresses_and_pins_that_cannot_be_used_are_refused(url: str, pin: str) -> None:
    with pytest.raises(RelayAddressError):
        RelayHttp(url, pin)


def test_a_relay_that_is_away_is_told() -> None:
    with pytest.raises(RelayUnreachable, match="does not answer"):
        RelayHttp(f"http://127.0.0.1:{free_port()}", "").request("GET", "/")


def test_a_proxy_is_used_for_other_computers_and_never_for_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(RelayUnreachable, match="refused"):
        RelayHttp("https://relay.invalid", "ab" * 32, timeout=2).request("GET", "/")
    with http_relay() as relay:
        assert RelayHttp(relay.url, "").request("GET", "/version").status == 200


FAR = "https://relay.example:8443"


def test_the_proxy_of_the_settings_is_used_and_the_pin_counts_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")  # the system's own leads nowhere
    with tls_server(tmp_path) as (url, pin, seen), connect_proxy(int(url.rpartition(":")[2]), "me:p@ss") as proxy:
        named = f"http://me:p%40ss@127.0.0.1:{proxy.port}"
        assert RelayHttp(FAR, pin, proxy=named).request("GET", "/version", bearer="ticket").body == b"ok"
        with pytest.raises(TrustError, match="pinned"):
            RelayHttp(FAR, "ab" * 32, proxy=named).request("GET", "/secret", bearer="ticket")
        with pytest.raises(RelayUnreachable, match=r"proxy on the way .* does not let us through: status 407\."):
            RelayHttp(FAR, pin, proxy=f"http://127.0.0.1:{proxy.port}").request("GET", "/version")
        with pytest.raises(RelayUnreachable, match="does not answer"):
            RelayHttp("https://relay.invalid", pin, proxy="", timeout=2).request("GET", "/version")
    assert seen == ["/version"]
    assert all(head.startswith(b"CONNECT relay.example:8443 HTTP/1.") for head in proxy.asked) and len(proxy.asked) == 3
    assert b"ticket" not in b"".join(proxy.asked + proxy.carried), "a proxy reads nothing of what goes through it"


def test_a_relay_of_an_ipv6_address_is_asked_for_in_brackets(tmp_path: Path) -> None:
    with tls_server(tmp_path) as (url, pin, _), connect_proxy(int(url.rpartition(":")[2])) as proxy:
        relay = RelayHttp("https://[2001:db8::7]:8443", pin, proxy=proxy.url)
        assert relay.request("GET", "/version").body == b"ok"
    (head,) = proxy.asked
    assert head.startswith(b"CONNECT [2001:db8::7]:8443 HTTP/1.")


@pytest.mark.parametrize(
    ("proxy", "says"),
    [("gopher://x", "gopher"), ("https://proxy.example", "Name it by http://"), ("socks5h://x:1", "python-socks")],
)
def test_a_proxy_that_cannot_be_used_is_said(proxy: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(RelayAddressError, match=says):
        RelayHttp(FAR, "ab" * 32, proxy=proxy).request("GET", "/")
