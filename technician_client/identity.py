"""The technician's identity: two keys, their short certificates, the organisation and its relay.

`identity/identity.json` holds what is no secret; `session.pem` and `login.pem` are encrypted by a passphrase. Where the
passphrase comes from is written down as `unlock`: asked for on the terminal, kept by the operating system's keyring, or read
from a file of mode 0600.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from hostio.private_files import PrivateFileError, read_passphrase, read_private, write_private
from protocol.certificate_profile import TechnicianClaims, load_certificate
from protocol.certificates import PrivateKey, Role, check_chain
from protocol.enrolment import renewal_due
from protocol.errors import TrustError
from technician_client.errors import NotSetUp

IDENTITY_FILE: Final = "identity.json"
SESSION_KEY_FILE: Final = "session.pem"
LOGIN_KEY_FILE: Final = "login.pem"
IDENTITY_BYTES: Final = 256 * 1024
KEYRING_SERVICE: Final = "handrail"

Unlock = Literal["prompt", "keyring", "file"]


class IdentityRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`identity.json`. Chains are [leaf, technician CA], DER; `passphrase_file` goes with unlock "file"."""

    organisation: str
    organisation_name: str
    root: bytes
    tuf_root: bytes
    relay: str
    relay_spki: str
    chain: list[bytes]
    login_chain: list[bytes]
    unlock: Unlock = "prompt"
    passphrase_file: str = ""


@dataclass(frozen=True, slots=True)
class TechnicianIdentity:
    """An unlocked identity. `timestamp_version` is the newest repository timestamp this technician has verified (0: none)."""

    name: str
    tier: int
    peer: str
    organisation: str
    organisation_name: str
    key: PrivateKey = field(repr=False)
    chain: list[bytes] = field(repr=False)
    login_key: PrivateKey = field(repr=False)
    login_chain: list[bytes] = field(repr=False)
    root: bytes = field(repr=False)
    tuf_root: bytes = field(repr=False)
    relay_url: str
    relay_spki: str
    not_before: datetime
    not_after: datetime
    fingerprint: bytes = field(repr=False)
    timestamp_version: int = 0

    def renewal_due(self, wall: datetime) -> bool:
        """Whether two thirds of the certificate's life are over (also: it has expired)."""
        return renewal_due(self.not_before, self.not_after, wall)


def read_record(directory: Path) -> IdentityRecord:
    """The public half of an identity.

    Raises:
        NotSetUp: there is none; the text names the commands that make one.
        TrustError: the file is damaged.
    """
    path = directory / IDENTITY_FILE
    try:
        data = read_private(path, IDENTITY_BYTES, secret=False)
    except FileNotFoundError as error:
        raise NotSetUp(
            f"You are no technician on this computer yet ({directory} holds no identity). Run `handrail join "
            "BUNDLE` with the bundle "
            "from your administrator, or `handrail quickstart --relay URL` for an organisation of one."
        ) from error
    try:
        return msgspec.json.decode(data, type=IdentityRecord)
    except (ValueError, RecursionError) as error:
        raise TrustError(f"{path} is damaged ({error}). Join again with a new bundle.") from error


def save_record(directory: Path, record: IdentityRecord) -> None:
    """Write the public half."""
    write_private(directory / IDENTITY_FILE, msgspec.json.encode(record))


def save_keys(directory: Path, session: PrivateKey | None, login: PrivateKey, passphrase: bytes) -> None:
    """Write keys, encrypted. `session` None: it stays.

    Raises:
        PrivateFileError: they cannot be written.
    """
    if session is not None:
        write_private(directory / SESSION_KEY_FILE, session.to_encrypted_pem(passphrase))
    write_private(directory / LOGIN_KEY_FILE, login.to_encrypted_pem(passphrase))


def find_passphrase(
    directory: Path, record: IdentityRecord, *, passphrase_file: Path | None, prompt: Callable[[str], str] | None
) -> bytes:
    """The passphrase of an identity: from the file that is named, else from where the record says.

    Args:
        prompt: asks a person and returns what they typed; None where nobody can be asked.

    Raises:
        NotSetUp: nobody can be asked and there is no other source.
        PrivateFileError: the file is missing or readable by others.
    """
    if passphrase_file is not None:
        return read_passphrase(passphrase_file)
    if record.unlock == "file" and record.passphrase_file:
        return read_passphrase(Path(record.passphrase_file))
    if record.unlock == "keyring":
        kept = keyring_get(_keyring_name(directory, record))
        if kept is not None:
            return kept
    if prompt is None:
        raise NotSetUp("Your key is locked and nobody can be asked here. Give its passphrase with --passphrase-file FILE.")
    return prompt(f"Passphrase of your key for {record.organisation_name}").encode()


def unlock(
    directory: Path, *, passphrase_file: Path | None = None, prompt: Callable[[str], str] | None = None
) -> TechnicianIdentity:
    """Open the identity in `directory`. Dates are not judged here: an expired certificate can still be renewed.

    Raises:
        NotSetUp: there is none, or it cannot be unlocked here.
        TrustError: wrong passphrase, or damaged files.
    """
    record = read_record(directory)
    passphrase = find_passphrase(directory, record, passphrase_file=passphrase_file, prompt=prompt)
    return open_identity(directory, record, passphrase)


def open_identity(directory: Path, record: IdentityRecord, passphrase: bytes) -> TechnicianIdentity:
    """Decrypt the keys and put the identity together; raises as `unlock`."""
    try:
        session = PrivateKey.from_pem(read_private(directory / SESSION_KEY_FILE, IDENTITY_BYTES), passphrase)
        login = PrivateKey.from_pem(read_private(directory / LOGIN_KEY_FILE, IDENTITY_BYTES), passphrase)
    except FileNotFoundError as error:
        raise TrustError(f"A key is missing in {directory}. Restore it from your backup, or join with a new bundle.") from error
    return build_identity(record, session, login)


def build_identity(record: IdentityRecord, session: PrivateKey, login: PrivateKey) -> TechnicianIdentity:
    """Put an identity together and check that key and certificate belong to each other.

    Raises:
        TrustError: they do not.
    """
    if not record.chain:
        raise TrustError("The identity holds no certificate. Join again with a new bundle.")
    moment = load_certificate(record.chain[0]).not_valid_before_utc
    certified = check_chain(record.chain, root_der=record.root, expected=Role.TECHNICIAN, purpose="session", wall=moment)
    claims = certified.claims
    if not isinstance(claims, TechnicianClaims) or session.public.fingerprint != certified.fingerprint:
        raise TrustError("The key does not belong to the certificate beside it. Join again with a new bundle.")
    return TechnicianIdentity(
        name=claims.name,
        tier=claims.tier,
        peer=certified.peer,
        organisation=record.organisation,
        organisation_name=record.organisation_name,
        key=session,
        chain=record.chain,
        login_key=login,
        login_chain=record.login_chain,
        root=record.root,
        tuf_root=record.tuf_root,
        relay_url=record.relay,
        relay_spki=record.relay_spki,
        not_before=certified.not_before,
        not_after=certified.not_after,
        fingerprint=certified.fingerprint,
    )


def keyring_usable() -> bool:
    """Whether this computer has a keyring that keeps secrets (and not one that only says so)."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return False
    try:
        return bool(keyring.get_keyring().priority >= 1)
    except (KeyringError, RuntimeError, OSError):
        return False


def keyring_put(directory: Path, record: IdentityRecord, passphrase: bytes) -> None:
    """Let the operating system keep the passphrase.

    Raises:
        PrivateFileError: its keyring refuses.
    """
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(KEYRING_SERVICE, _keyring_name(directory, record), passphrase.decode())
    except (KeyringError, RuntimeError, OSError) as error:
        raise PrivateFileError(f"The keyring did not keep the passphrase ({error}).") from error


def keyring_get(name: str) -> bytes | None:
    """What the keyring holds; None when it has nothing or cannot be asked."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        kept = keyring.get_password(KEYRING_SERVICE, name)
    except (KeyringError, RuntimeError, OSError):
        return None
    return kept.encode() if kept else None


def _keyring_name(directory: Path, record: IdentityRecord) -> str:
    return f"{record.organisation}:{directory.absolute()}"
