"""Which proxy is taken: a setting, else the system's, and never for this computer itself."""

import pytest

from hostio.proxies import proxy_for, proxy_url
from protocol.relay_address import RelayAddressError, parse_relay_url

FAR = parse_relay_url("https://relay.example:8443")
HERE = parse_relay_url("https://127.0.0.1:8443")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "wss_proxy", "socks_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_setting_counts_and_what_is_not_said_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_url(FAR, None) is None
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    assert proxy_url(FAR, None) == "http://proxy.example:3128"
    assert proxy_url(FAR, "") is None
    assert proxy_url(FAR, "socks5h://other.example:1080") == "socks5h://other.example:1080"
    monkeypatch.setenv("no_proxy", "relay.example")
    assert proxy_url(FAR, None) is None


def test_this_computer_is_reached_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert proxy_url(HERE, None) is None and proxy_for(HERE, "http://proxy.example:3128") is None


def test_its_parts_are_read() -> None:
    proxy = proxy_for(FAR, "http://me:p%40ss@proxy.example:3128")
    assert proxy is not None
    assert (proxy.scheme, proxy.host, proxy.port, proxy.user_info) == ("http", "proxy.example", 3128, ("me", "p@ss"))


@pytest.mark.parametrize("wrong", ["gopher://x", "http://", "http://me@proxy.example", "http://proxy.example:port", "http://x/y"])
def test_what_is_no_proxy_is_said(wrong: str) -> None:
    with pytest.raises(RelayAddressError, match="proxy"):
        proxy_for(FAR, wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        "ftp://me:s3cret@proxy.example",
        "http://me:s3cret@",
        "http://me:s3cret",
        "http://me:s3cret@proxy.example:port",
        "http://me:s3cret@proxy.example/path",
        "http://me:s3cret@[proxy]:1",
        "http://me:%ffs3cret@proxy.example",
        "me:s3cret@proxy.example:3128",
    ],
)
def test_the_password_of_what_is_no_proxy_is_not_repeated(wrong: str) -> None:
    with pytest.raises(RelayAddressError) as told:
        proxy_for(FAR, wrong)
    error: BaseException | None = told.value
    assert "s3cret" not in str(error)
    assert error is not None and error.__suppress_context__, "nor in a traceback"
