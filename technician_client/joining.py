"""Becoming a technician with a bundle, and renewing the short certificate: the same exchange with the signer, through the
relay."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from hostio.enrolment import WAIT_SECONDS, exchange
from hostio.private_files import PrivateFileError, read_private, write_private
from hostio.relay_http import RelayHttp
from protocol.certificates import PrivateKey, Role
from protocol.documents import Bundle
from protocol.enrolment import check_bundle, judge_answer, make_enrolment, make_renewal
from protocol.errors import Refused, TrustError, Unavailable
from technician_client.identity import (
    IDENTITY_BYTES,
    IdentityRecord,
    TechnicianIdentity,
    Unlock,
    build_identity,
    find_passphrase,
    open_identity,
    read_record,
    save_keys,
    save_record,
)
from technician_client.organisation.vault import SHORTEST_PASSPHRASE, WeakPassphrase

PENDING_FILE: Final = "pending.json"


class _Pending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exchange under way; its keys are encrypted by the passphrase."""

    token_id: str
    session_key: bytes
    login_key: bytes
    request: bytes


def join(
    bundle: Bundle,
    directory: Path,
    *,
    passphrase: bytes,
    unlock: Unlock = "prompt",
    passphrase_file: str = "",
    platform: str = "",
    wall: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
    on_progress: Callable[[str], None] = lambda _: None,
    wait_seconds: float = WAIT_SECONDS,
    proxy: str | None = None,
) -> TechnicianIdentity:
    """Become a technician. Blocking; the same bundle goes on where an interrupted run stopped. `proxy`: as in `Dialling`.

    Raises:
        TrustError: wrong, expired or foreign bundle, a clock that is off, an answer that is not genuine, an identity that is
        there. Refused: the signer said no.
        Unavailable: the relay is away, or the signer has not answered in time.
    """
    check_bundle(bundle, kind="technician", wall=wall())
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise WeakPassphrase(f"The passphrase is too short: take at least {SHORTEST_PASSPHRASE} characters.")
    if (directory / "identity.json").exists():
        raise TrustError(f"There is an identity in {directory} already. Choose another --home, or move it away first.")
    http = RelayHttp(bundle.relay, bundle.relay_spki, proxy=proxy)
    pending = _pending(bundle, directory, passphrase, platform, random_bytes)
    session = PrivateKey.from_pem(pending.session_key, passphrase)
    login = PrivateKey.from_pem(pending.login_key, passphrase)
    on_progress(f"Asking {bundle.organisation_name} through {http.url} ...")
    answer = exchange(http, bundle.org, "technician", bundle.token_id, pending.request, wall, wait_seconds, on_progress)
    try:
        enrolled = judge_answer(
            answer,
            request=pending.request,
            secret=bundle.secret,
            root_der=bundle.root,
            role=Role.TECHNICIAN,
            session_key=session,
            login_key=login,
            wall=wall(),
        )
    except Refused:
        (directory / PENDING_FILE).unlink(missing_ok=True)
        raise
    record = IdentityRecord(
        organisation=bundle.org,
        organisation_name=bundle.organisation_name,
        root=bundle.root,
        tuf_root=bundle.tuf_root,
        relay=http.url,
        relay_spki=bundle.relay_spki,
        chain=enrolled.chain,
        login_chain=enrolled.login_chain,
        unlock=unlock,
        passphrase_file=passphrase_file,
    )
    identity = build_identity(record, session, login)
    save_keys(directory, session, login, passphrase)
    save_record(directory, record)
    (directory / PENDING_FILE).unlink(missing_ok=True)
    return identity


def renew(
    identity: TechnicianIdentity,
    directory: Path,
    *,
    wall: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
    platform: str = "",
    wait_seconds: float = WAIT_SECONDS,
    proxy: str | None = None,
) -> TechnicianIdentity:
    """Get a new certificate for the same keys from the signer. Blocking: run it in a worker thread. `proxy`: as in `Dialling`.

    Raises:
        Refused: the signer said no (no longer on the list, revoked).
        Unavailable: the relay is away, or the signer has not answered in time.
        TrustError: an answer that is not genuine.
    """
    http = RelayHttp(identity.relay_url, identity.relay_spki, proxy=proxy)
    request = make_renewal(
        Role.TECHNICIAN,
        identity.organisation,
        identity.chain,
        identity.key,
        identity.login_key,
        label="",
        platform=platform,
        random_bytes=random_bytes,
    )
    answer = exchange(http, identity.organisation, "renewal", "", request, wall, wait_seconds, lambda _: None)
    enrolled = judge_answer(
        answer,
        request=request,
        secret=None,
        root_der=identity.root,
        role=Role.TECHNICIAN,
        session_key=identity.key,
        login_key=identity.login_key,
        wall=wall(),
    )
    record = msgspec.structs.replace(read_record(directory), chain=enrolled.chain, login_chain=enrolled.login_chain)
    renewed = build_identity(record, identity.key, identity.login_key)
    save_record(directory, record)
    return renewed


def unlock_fresh(
    directory: Path,
    *,
    passphrase_file: Path | None = None,
    prompt: Callable[[str], str] | None = None,
    wall: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
    on_progress: Callable[[str], None] = lambda _: None,
    wait_seconds: float = 30.0,
    proxy: str | None = None,
) -> TechnicianIdentity:
    """Open the identity and renew its certificate when two thirds of its life are over: what every command begins with.

    A renewal that fails is told and let pass while the certificate still holds.

    Raises:
        NotSetUp, TrustError, PrivateFileError: as `identity.unlock`.
        Refused, Unavailable: the certificate has expired and could not be renewed.
    """
    record = read_record(directory)
    passphrase = find_passphrase(directory, record, passphrase_file=passphrase_file, prompt=prompt)
    identity = open_identity(directory, record, passphrase)
    if not identity.renewal_due(wall()):
        return identity
    on_progress("Renewing your certificate ...")
    try:
        return renew(identity, directory, wall=wall, random_bytes=random_bytes, wait_seconds=wait_seconds, proxy=proxy)
    except (Unavailable, Refused) as error:
        if wall() < identity.not_after:
            until = f"{identity.not_after:%Y-%m-%d %H:%M} UTC"
            on_progress(f"Your certificate could not be renewed yet ({error}) It is valid until {until}.")
            return identity
        raise


def _pending(bundle: Bundle, directory: Path, passphrase: bytes, platform: str, random_bytes: Callable[[int], bytes]) -> _Pending:
    path = directory / PENDING_FILE
    try:
        pending = msgspec.json.decode(read_private(path, IDENTITY_BYTES), type=_Pending)
        PrivateKey.from_pem(pending.session_key, passphrase)
        if pending.token_id == bundle.token_id:
            return pending
    except FileNotFoundError:
        pass
    except (ValueError, RecursionError, TrustError, PrivateFileError):
        path.unlink(missing_ok=True)
    session, login = PrivateKey.generate(), PrivateKey.generate()
    request = make_enrolment(bundle, session, login, label="", platform=platform, random_bytes=random_bytes)
    pending = _Pending(bundle.token_id, session.to_encrypted_pem(passphrase), login.to_encrypted_pem(passphrase), request)
    write_private(path, msgspec.json.encode(pending))
    return pending
