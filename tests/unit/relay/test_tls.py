"""The relay's own TLS key."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from relay.tls import TlsError, read_pin, self_signed, server_context, spki_pin, write_private

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_self_signed_pair_serves_and_has_a_pin(tmp_path: Path) -> None:
    certificate, key = self_signed(["relay.example", "127.0.0.1", "relay.example"], NOW)
    (tmp_path / "c.pem").write_bytes(certificate)
    write_private(tmp_path / "k.pem", key)
    assert (tmp_path / "k.pem").stat().st_mode & 0o777 == 0o600
    context = server_context(tmp_path / "c.pem", tmp_path / "k.pem")
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.num_tickets == 0
    names = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["relay.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert read_pin(tmp_path / "c.pem") == spki_pin(certificate)
    assert len(spki_pin(certificate)) == 64


def test_the_pin_is_of_the_key() -> None:
    (one, _), (two, _) = self_signed(["a"], NOW), self_signed(["a"], NOW)
    assert spki_pin(one) != spki_pin(two)


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    certificate, _ = self_signed(["a"], NOW)
    _, other_key = self_signed(["a"], NOW)
    (tmp_path / "c.pem").write_bytes(certificate)
    (tmp_path / "k.pem").write_bytes(other_key)
    with pytest.raises(TlsError, match=r"k\.pem"):
        server_context(tmp_path / "c.pem", tmp_path / "k.pem")
    with pytest.raises(TlsError, match=r"missing\.pem"):
        read_pin(tmp_path / "missing.pem")
    with pytest.raises(TlsError, match="no PEM certificate"):
        read_pin(tmp_path / "k.pem")


def test_a_private_file_is_never_overwritten(tmp_path: Path) -> None:
    write_private(tmp_path / "k", b"1")
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "k", b"2")
    assert (tmp_path / "k").read_bytes() == b"1"
