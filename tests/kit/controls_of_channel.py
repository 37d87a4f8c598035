"""Controls of certificates and of the sealed channel, and how each is taken away."""

from typing import Any

from tests.kit.controls import Patch, control


class Whatever:
    """Equal to everything, and the same as anything that is expected."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


@control("the organisation's pinned root: who is at the other end of a channel")
def pinned_root(patch: Patch) -> None:
    """Whatever a certificate says of itself is believed."""
    from protocol import channel
    from protocol.certificate_profile import load_certificate
    from protocol.certificates import Identity, PublicKey, names_in_leaf
    from protocol.chain import _claims_of

    def believe(self: Any, _connection: Any, certificate: Any, _problem: int, depth: int, _fine: bool) -> bool:
        if depth == 0:
            der = channel.crypto.dump_certificate(channel.crypto.FILETYPE_ASN1, certificate)
            role, peer, organisation = names_in_leaf(der)
            leaf = load_certificate(der)
            claims = _claims_of(leaf, role, "session")
            fingerprint = PublicKey.of_certificate(der).fingerprint
            self._peer = Identity(
                role, peer, organisation, fingerprint, claims, leaf.not_valid_after_utc, der, leaf.not_valid_before_utc
            )
        return True

    patch(channel._Judge, "__call__", believe)


@control("which CA issued a certificate decides its role")
def issuer_roles(patch: Patch) -> None:
    """Any CA of the organisation may certify anybody."""
    import protocol.chain

    patch(protocol.chain, "_check_path", lambda leaf, issuers, root, name, moment: None)
    patch(protocol.chain, "_check_issuer", lambda ca, expected, organisation, anchor: None)


@control("a CA is bound to names and usages of one role")
def ca_profile(patch: Patch) -> None:
    """Whatever CA the root has signed may issue for the role that is expected."""
    import protocol.chain

    patch(protocol.chain, "_check_issuer", lambda ca, expected, organisation, anchor: None)


@control("a leaf has exactly one name, of type DNS")
def one_name(patch: Patch) -> None:
    """The first DNS name counts, whatever stands beside it."""
    from cryptography import x509

    import protocol.chain

    def first(leaf: x509.Certificate) -> str:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.DNSName)[0]

    patch(protocol.chain, "_only_san", first)


@control("what a leaf may be used for, its kind of key and how long it may live")
def leaf_profile(patch: Patch) -> None:
    """Any leaf will do for anything."""
    import protocol.chain

    patch(protocol.chain, "_check_leaf_profile", lambda leaf, role, purpose: None)


@control("certificates have a life, and it is looked at")
def certificate_dates(patch: Patch) -> None:
    """They are valid for ever."""
    from OpenSSL import crypto

    import agent.policy
    import protocol.chain

    patch(protocol.chain, "_check_validity", lambda certificate, name, wall, grace: None)
    patch(agent.policy, "SESSION_CHECKS", agent.policy.SESSION_CHECKS[1:])
    patch(agent.policy, "CHECKS", agent.policy.CHECKS[1:])
    plain = protocol.chain._check_path

    def whenever(leaf: Any, issuers: Any, root: Any, name: str, moment: Any) -> None:
        plain(leaf, issuers, root, name, leaf.not_valid_after_utc)

    patch(protocol.chain, "_check_path", whenever)
    flags = crypto.X509StoreFlags.X509_STRICT | 0x200000  # X509_V_FLAG_NO_CHECK_TIME
    plain_flags = crypto.X509Store.set_flags
    patch(crypto.X509Store, "set_flags", lambda self, _flags: plain_flags(self, flags))


@control("TLS 1.3 and handrail/1, or nothing")
def channel_parameters(patch: Patch) -> None:
    """TLS 1.2 and any protocol's name will do."""
    from protocol import channel

    plain = channel._context

    def older(*arguments: Any) -> Any:
        context = plain(*arguments)
        context.set_min_proto_version(channel.SSL.TLS1_2_VERSION)
        return context

    class AnyName(bytes):
        """The protocol's name that any other name equals."""

        def decode(self, *_: Any) -> Any:
            return Whatever()

    patch(channel, "_context", older)
    patch(channel, "TLS_VERSION", Whatever())
    patch(channel, "ALPN", AnyName(channel.ALPN))
    patch(channel, "_choose_protocol", lambda _connection, offered: offered[0])


@control("a cut is never a clean end (close_notify)")
def close_notify(patch: Patch) -> None:
    """The end of the stream is an end."""
    from protocol.session_core import SessionCore

    def ended(self: SessionCore, now: float) -> None:
        self._finish("ended", clean=True, by_peer=True)

    patch(SessionCore, "receive_eof", ended)


@control("a label that differs from the certificate stops the session")
def certified_label(patch: Patch) -> None:
    """The device may call itself anything, and so may the relay."""
    import technician_client.sessions
    from protocol.technician_session import TechnicianSession

    plain = TechnicianSession._receive_hello

    def believe(self: TechnicianSession, hello: Any) -> None:
        import msgspec

        assert self.peer is not None
        label = getattr(self.peer.claims, "label", "")
        plain(self, msgspec.structs.replace(hello, label=label))

    patch(TechnicianSession, "_receive_hello", believe)
    patch(technician_client.sessions, "check_offer", lambda offer, identity, *, asked: None)


@control("frames are padded to buckets")
def padding(patch: Patch) -> None:
    """Frames have the size of what is in them."""
    import protocol.frames

    patch(protocol.frames, "padding_for", lambda payload_bytes: 0)


@control("the relay's TLS key is the pinned one")
def relay_pin(patch: Patch) -> None:
    """Any relay will do."""
    import hostio.relay_tls

    class Agreeable:
        """`hmac` for the module that compares the pin."""

        @staticmethod
        def compare_digest(one: Any, other: Any) -> bool:
            return True

    patch(hostio.relay_tls, "hmac", Agreeable)
