"""Making this computer a device of an organisation, and keeping it one: keys, request, answer, renewal, and the file that
holds them.

Everything the device is lies in one private file, `identity/device.json`, replaced in one step. While an enrolment is under
way its keys lie in `identity/pending.json`, so that an interrupted one goes on with the same request and uses the bundle up
only once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from agent.errors import NotEnrolled
from hostio.enrolment import WAIT_SECONDS, exchange
from hostio.private_files import read_private, write_private
from hostio.relay_http import RelayHttp
from protocol.certificate_profile import DeviceClaims, load_certificate
from protocol.certificates import Identity, PrivateKey, Role, check_chain
from protocol.documents import Bundle
from protocol.enrolment import (
    Enrolled,
    check_bundle,
    judge_answer,
    make_enrolment,
    make_renewal,
    renewal_due,
)
from protocol.errors import Refused, TrustError

IDENTITY_FILE: Final = "device.json"
PENDING_FILE: Final = "pending.json"
IDENTITY_BYTES: Final = 256 * 1024


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`device.json`. Keys are PEM; chains [leaf, CA] DER."""

    organisation: str
    organisation_name: str
    root: bytes
    tuf_root: bytes
    relay: str
    relay_spki: str
    session_key: bytes
    login_key: bytes
    chain: list[bytes]
    login_chain: list[bytes]


class _Pending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`pending.json`: an enrolment under way."""

    token_id: str
    session_key: bytes
    login_key: bytes
    request: bytes


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """An enrolled device: keys, chains ([leaf, device CA], DER), what was pinned, and what the certificate says."""

    key: PrivateKey = field(repr=False)
    chain: list[bytes] = field(repr=False)
    login_key: PrivateKey = field(repr=False)
    login_chain: list[bytes] = field(repr=False)
    root: bytes = field(repr=False)
    tuf_root: bytes = field(repr=False)
    relay: str
    relay_spki: str
    organisation: str
    organisation_name: str
    peer: str
    label: str
    group: str
    not_before: datetime
    not_after: datetime

    def renewal_due(self, wall: datetime) -> bool:
        """Whether two thirds of the session certificate's life are over."""
        return renewal_due(self.not_before, self.not_after, wall)


def load_identity(home: Path) -> DeviceIdentity:
    """The identity of this home. Certificates are checked for belonging together, not for their dates: an expired one renews.

    Raises:
        NotEnrolled: there is none; the text names the command that makes one.
        TrustError: the file is damaged. PrivateFileError: others can read it.
    """
    path = home / "identity" / IDENTITY_FILE
    try:
        data = read_private(path, IDENTITY_BYTES)
    except FileNotFoundError as error:
        raise NotEnrolled(
            f"This computer belongs to no organisation yet ({path.parent} holds no identity). "
            "Run: handrail-agent enrol BUNDLE.handrail"
        ) from error
    try:
        return _identity(msgspec.json.decode(data, type=_Stored))
    except (ValueError, RecursionError, TrustError) as error:
        raise TrustError(f"{path} is damaged ({error}). Enrol again: handrail-agent enrol BUNDLE.handrail") from error


def enrol(
    bundle: Bundle,
    home: Path,
    *,
    label: str,
    platform: str,
    wall: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
    on_progress: Callable[[str], None] = lambda _: None,
    wait_seconds: float = WAIT_SECONDS,
    new_keys: bool = False,
    proxy: str | None = None,
) -> DeviceIdentity:
    """Enrol this computer. Blocking; repeats safely: the same bundle goes on where it stopped.

    Args:
        label: the name this computer goes by (the signer certifies it).
        new_keys: a device that is enrolled already keeps its key, and with it its id, unless this is set.
        proxy: as in `hostio.dialling.Dialling`.

    Raises:
        TrustError: wrong, expired or foreign bundle; a clock that is off; a relay or answer that is not genuine.
        Refused: the signer said no (used up, withdrawn, unknown).
        Unavailable: the relay is away, or the signer has not answered in time.
        PrivateFileError: the identity cannot be written.
    """
    check_bundle(bundle, kind="device", wall=wall())
    http = RelayHttp(bundle.relay, bundle.relay_spki, proxy=proxy)
    pending = _pending(bundle, home, label, platform, random_bytes, new_keys)
    session, login = PrivateKey.from_pem(pending.session_key), PrivateKey.from_pem(pending.login_key)
    on_progress(f"Asking {bundle.organisation_name} through {http.url} ...")
    answer = exchange(http, bundle.org, "device", bundle.token_id, pending.request, wall, wait_seconds, on_progress)
    try:
        enrolled = judge_answer(
            answer,
            request=pending.request,
            secret=bundle.secret,
            root_der=bundle.root,
            role=Role.DEVICE,
            session_key=session,
            login_key=login,
            wall=wall(),
        )
    except Refused:
        (home / "identity" / PENDING_FILE).unlink(missing_ok=True)
        raise
    stored = _Stored(
        organisation=bundle.org,
        organisation_name=bundle.organisation_name,
        root=bundle.root,
        tuf_root=bundle.tuf_root,
        relay=http.url,
        relay_spki=bundle.relay_spki,
        session_key=pending.session_key,
        login_key=pending.login_key,
        chain=enrolled.chain,
        login_chain=enrolled.login_chain,
    )
    identity = _save(home, stored)
    (home / "identity" / PENDING_FILE).unlink(missing_ok=True)
    return identity


def renew(
    identity: DeviceIdentity,
    home: Path,
    *,
    platform: str,
    wall: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
    wait_seconds: float = WAIT_SECONDS,
    proxy: str | None = None,
) -> DeviceIdentity:
    """Get new certificates for the same key. Blocking: run it in a worker thread. Also works for a year after expiry.

    Raises: as `enrol`.
    """
    http = RelayHttp(identity.relay, identity.relay_spki, proxy=proxy)
    login = PrivateKey.generate()
    request = make_renewal(
        Role.DEVICE,
        identity.organisation,
        identity.chain,
        identity.key,
        login,
        label=identity.label,
        platform=platform,
        random_bytes=random_bytes,
    )
    answer = exchange(http, identity.organisation, "renewal", "", request, wall, wait_seconds, lambda _: None)
    enrolled: Enrolled = judge_answer(
        answer,
        request=request,
        secret=None,
        root_der=identity.root,
        role=Role.DEVICE,
        session_key=identity.key,
        login_key=login,
        wall=wall(),
    )
    return _save(
        home,
        _Stored(
            organisation=identity.organisation,
            organisation_name=identity.organisation_name,
            root=identity.root,
            tuf_root=identity.tuf_root,
            relay=identity.relay,
            relay_spki=identity.relay_spki,
            session_key=identity.key.to_pem(),
            login_key=login.to_pem(),
            chain=enrolled.chain,
            login_chain=enrolled.login_chain,
        ),
    )


def _pending(
    bundle: Bundle, home: Path, label: str, platform: str, random_bytes: Callable[[int], bytes], new_keys: bool
) -> _Pending:
    path = home / "identity" / PENDING_FILE
    try:
        pending = msgspec.json.decode(read_private(path, IDENTITY_BYTES), type=_Pending)
        if pending.token_id == bundle.token_id and not new_keys:
            return pending
    except FileNotFoundError:
        pass
    except (ValueError, RecursionError):
        path.unlink(missing_ok=True)
    session = PrivateKey.generate()
    if not new_keys:
        try:
            known = load_identity(home)
            session = known.key if known.organisation == bundle.org else session
        except (NotEnrolled, TrustError):
            pass  # nothing (or nothing whole) to keep: a new key it is
    login = PrivateKey.generate()
    request = make_enrolment(bundle, session, login, label=label, platform=platform, random_bytes=random_bytes)
    pending = _Pending(bundle.token_id, session.to_pem(), login.to_pem(), request)
    write_private(path, msgspec.json.encode(pending))
    return pending


def _save(home: Path, stored: _Stored) -> DeviceIdentity:
    identity = _identity(stored)
    write_private(home / "identity" / IDENTITY_FILE, msgspec.json.encode(stored))
    return identity


def _identity(stored: _Stored) -> DeviceIdentity:
    certified = _certified(stored)
    claims = certified.claims
    if not isinstance(claims, DeviceClaims):
        raise TrustError("the certificate does not say which device this is")
    key, login = PrivateKey.from_pem(stored.session_key), PrivateKey.from_pem(stored.login_key)
    if key.public.fingerprint != certified.fingerprint:
        raise TrustError("the key does not belong to the certificate")
    return DeviceIdentity(
        key=key,
        chain=stored.chain,
        login_key=login,
        login_chain=stored.login_chain,
        root=stored.root,
        tuf_root=stored.tuf_root,
        relay=stored.relay,
        relay_spki=stored.relay_spki,
        organisation=stored.organisation,
        organisation_name=stored.organisation_name,
        peer=certified.peer,
        label=claims.label,
        group=claims.group,
        not_before=certified.not_before,
        not_after=certified.not_after,
    )


def _certified(stored: _Stored) -> Identity:
    """What the kept chain says, judged as of a moment at which its leaf was valid."""
    if not stored.chain:
        raise TrustError("there is no certificate in it")
    moment = load_certificate(stored.chain[0]).not_valid_before_utc
    return check_chain(stored.chain, root_der=stored.root, expected=Role.DEVICE, purpose="session", wall=moment)
