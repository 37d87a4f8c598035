"""Row 23: the device CA's key was stolen, and its thief mints technicians. Every way of writing such a certificate, judged alone
and at a real handshake."""

import secrets
from datetime import timedelta

import pytest
from cryptography import x509

from protocol.certificate_profile import OID_CLAIMS, SESSION_USAGES, encode_claims, san_of
from protocol.certificates import PrivateKey, Role, TechnicianClaims, check_chain, issue_ca
from protocol.errors import HandrailError
from protocol.session import ConsentNeeded, SessionState
from tests.kit.conversation import Conversation
from tests.kit.forgery import Value, forge
from tests.kit.organisation import Credentials, Organisation


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def technician_extensions(organisation: Organisation, *names: x509.GeneralName) -> dict[x509.ObjectIdentifier, Value]:
    """What makes a leaf look like a technician's."""
    dns = x509.DNSName(san_of(Role.TECHNICIAN, "mallory", organisation.id))
    san = x509.SubjectAlternativeName(list(names) or [dns])
    usages = x509.ExtendedKeyUsage(sorted(SESSION_USAGES[Role.TECHNICIAN], key=lambda usage: usage.dotted_string))
    claims = x509.UnrecognizedExtension(OID_CLAIMS, encode_claims(TechnicianClaims("Ana Ruiz", 3)))
    return {san.oid: (san, True), usages.oid: (usages, False), OID_CLAIMS: (claims, False)}


def minted(organisation: Organisation, variant: str) -> Credentials:
    """A technician made by the thief of the device CA."""
    genuine = organisation.device()
    ca, ca_key = organisation.cas[Role.DEVICE], organisation.ca_keys[Role.DEVICE]
    dns = x509.DNSName(san_of(Role.TECHNICIAN, "mallory", organisation.id))
    uri = x509.UniformResourceIdentifier(f"https://{san_of(Role.TECHNICIAN, 'mallory', organisation.id)}")
    device_dns = x509.DNSName(san_of(Role.DEVICE, "device1", organisation.id))
    names = {"uri": [uri], "two names": [device_dns, dns], "uri first": [uri, device_dns]}.get(variant, [dns])
    change = technician_extensions(organisation, *names)
    chain = [ca]
    if variant == "device name":
        change.pop(x509.SubjectAlternativeName.oid)
    if variant == "device usage":
        change.pop(x509.ExtendedKeyUsage.oid)
    if variant == "sub-CA":
        # A CA below the device CA, bound to technicians.
        ca_key = PrivateKey.generate()
        chain = [
            forge(organisation.cas[Role.TECHNICIAN], ca, organisation.ca_keys[Role.DEVICE], public_key=ca_key.public.unwrap())
        ]
        ca = chain[0]
    if variant == "renamed CA":
        # The leaf says that the technician CA issued it; the device CA signed it.
        leaf = forge(genuine.chain[0], organisation.cas[Role.TECHNICIAN], ca_key, change=change)
        return Credentials(
            Role.TECHNICIAN, "mallory", genuine.key, [leaf, organisation.cas[Role.TECHNICIAN]], genuine.login_key, []
        )
    # Technicians' leaves live for days at most; the template is a device's of a month.
    wall = organisation.wall
    leaf = forge(
        genuine.chain[0], ca, ca_key, change=change, not_before=wall - timedelta(minutes=5), not_after=wall + timedelta(hours=8)
    )
    return Credentials(Role.TECHNICIAN, "mallory", genuine.key, [leaf, *chain], genuine.login_key, [])


VARIANTS = ["plain", "uri", "two names", "uri first", "device name", "device usage", "sub-CA", "renamed CA"]


@pytest.mark.attack(23)
@pytest.mark.parametrize("variant", VARIANTS)
def test_no_such_certificate_is_believed(organisation: Organisation, variant: str) -> None:
    person = minted(organisation, variant)
    with pytest.raises(HandrailError):
        check_chain(person.chain, root_der=organisation.root, expected=Role.TECHNICIAN, purpose="session", wall=organisation.wall)


@pytest.mark.attack(23, without=["issuer_roles"])
def test_the_issuer_decides_the_role(organisation: Organisation) -> None:
    person = minted(organisation, "plain")
    with pytest.raises(HandrailError):
        check_chain(person.chain, root_der=organisation.root, expected=Role.TECHNICIAN, purpose="session", wall=organisation.wall)


@pytest.mark.attack(23, without=["ca_profile"])
def test_a_ca_of_the_root_without_the_bounds_of_a_role_certifies_nobody(organisation: Organisation) -> None:
    """Even a CA certificate that the root signed by mistake, bound to nothing."""
    genuine = organisation.technician()
    ca_key = PrivateKey.generate()
    ca = issue_ca(
        Role.TECHNICIAN,
        ca_key=ca_key.public,
        root_der=organisation.root,
        root_key=organisation.root_key,
        wall=organisation.wall - timedelta(days=1),
        random_bytes=secrets.token_bytes,
    )
    unbound = forge(ca, organisation.root, organisation.root_key, change={x509.NameConstraints.oid: None})
    leaf = forge(genuine.chain[0], unbound, ca_key)
    with pytest.raises(HandrailError):
        check_chain(
            [leaf, unbound], root_der=organisation.root, expected=Role.TECHNICIAN, purpose="session", wall=organisation.wall
        )


@pytest.mark.attack(23, without=["one_name"])
def test_a_second_name_beside_the_right_one_is_refused(organisation: Organisation) -> None:
    """A DNS constraint does not stop a name of another type; the count does."""
    genuine = organisation.technician()
    dns = x509.DNSName(san_of(Role.TECHNICIAN, genuine.peer, organisation.id))
    san = x509.SubjectAlternativeName([dns, x509.UniformResourceIdentifier("spiffe://anything")])
    leaf = forge(genuine.chain[0], genuine.chain[1], organisation.ca_keys[Role.TECHNICIAN], change={san.oid: (san, True)})
    with pytest.raises(HandrailError):
        check_chain(
            [leaf, genuine.chain[1]],
            root_der=organisation.root,
            expected=Role.TECHNICIAN,
            purpose="session",
            wall=organisation.wall,
        )


@pytest.mark.attack(23, without=["pinned_root"])
def test_at_the_agent_nobody_is_even_asked(organisation: Organisation) -> None:
    """The same certificate at a real handshake."""
    talk = Conversation(organisation, technician=minted(organisation, "plain")).run()
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)
    assert talk.agent.state is SessionState.ENDED


@pytest.mark.attack(23, without=["pinned_root"])
@pytest.mark.parametrize("variant", ["sub-CA", "renamed CA"])
def test_detours_lead_nowhere_either(organisation: Organisation, variant: str) -> None:
    talk = Conversation(organisation, technician=minted(organisation, variant)).run()
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)
