"""A directory of encrypted private keys under one passphrase: the vault, and the signer's own keys.

Each key is a PEM file of mode 0600, encrypted by the passphrase through scrypt (`protocol.keys`), and opened only when it is
needed. Beside it lies its public half (`NAME.pub`, JSON), which names who holds it and is handed to others.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from hostio.private_files import make_private_directory, read_private, write_private_together
from protocol.certificates import Curve, PrivateKey, PublicKey
from protocol.errors import TrustError
from technician_client.errors import NotSetUp

KEY_BYTES = 16 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
SHORTEST_PASSPHRASE = 8


class WeakPassphrase(TrustError):
    """The passphrase is too short to protect anything."""


class PublicHalf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`NAME.pub`: the public half of a key (`spki`: DER) and who holds the other ("": nobody said)."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}\Z")]
    spki: Annotated[bytes, msgspec.Meta(max_length=1024)]
    holder: Annotated[str, msgspec.Meta(max_length=100)] = ""
    v: Literal[1] = 1

    @property
    def key(self) -> PublicKey:
        """The key itself.

        Raises:
            TrustError: it is none.
        """
        return PublicKey.from_spki(self.spki)


def read_public(path: Path) -> PublicHalf:
    """Read a `.pub` file.

    Raises:
        NotSetUp: it is not there. TrustError: it is no such file.
    """
    try:
        half = msgspec.json.decode(read_private(path, KEY_BYTES, secret=False), type=PublicHalf)
        _ = half.key
    except FileNotFoundError as error:
        raise NotSetUp(f"There is no file {path}. Its holder makes it with `handrail org key new`.") from error
    except (ValueError, RecursionError) as error:
        raise TrustError(f"{path} is not the public half of a key ({error}).") from error
    return half


class KeyDirectory:
    """Keys by name. Opened keys are kept for the life of this object, so that one command asks for one passphrase."""

    def __init__(self, directory: Path, passphrase: bytes) -> None:
        """Args: passphrase: at least 8 bytes for new keys."""
        self._directory = directory
        self._passphrase = passphrase
        self._open: dict[str, PrivateKey] = {}

    def names(self) -> Sequence[str]:
        """The keys that are here."""
        return sorted(path.stem for path in self._directory.glob("*.pem"))

    def has(self, name: str) -> bool:
        """Whether a key is here."""
        return self._path(name).exists()

    def create(self, name: str, curve: Curve = "P-256", *, holder: str = "") -> PrivateKey:
        """Make a new key.

        Raises:
            WeakPassphrase: fewer than 8 bytes.
            TrustError: there is one of this name already: keys are never overwritten.
            PrivateFileError: it cannot be written.
        """
        key = PrivateKey.generate(curve)
        self.put(name, key, holder=holder)
        return key

    def put(self, name: str, key: PrivateKey, *, holder: str = "") -> None:
        """Keep a key under a name; raises as `create`."""
        if len(self._passphrase) < SHORTEST_PASSPHRASE:
            raise WeakPassphrase(f"The passphrase is too short: take at least {SHORTEST_PASSPHRASE} characters.")
        path = self._path(name)
        if path.exists():
            raise TrustError(f"There is a key {path} already, and keys are never overwritten.")
        make_private_directory(self._directory)
        self._write(name, key, holder)

    def replace(self, name: str, key: PrivateKey) -> None:
        """Put a new key in the place of one that is here: the old one is gone for good.

        Raises:
            NotSetUp: there is none. TrustError: the passphrase is not that of this directory.
            PrivateFileError: it cannot be written.
        """
        self.get(name)
        half = self.public(name)
        self._write(name, key, half.holder if half is not None else "")

    def remove(self, name: str) -> None:
        """Forget a key, for good."""
        self._open.pop(name, None)
        self._path(name).unlink(missing_ok=True)
        self._path(name).with_suffix(".pub").unlink(missing_ok=True)

    def public(self, name: str) -> PublicHalf | None:
        """The public half of a key that is here; None where it was made before there were such files."""
        try:
            return read_public(self._path(name).with_suffix(".pub"))
        except NotSetUp:
            return None

    def _write(self, name: str, key: PrivateKey, holder: str) -> None:
        path = self._path(name)
        half = PublicHalf(name, key.public.spki, holder)
        public, private = msgspec.json.encode(half) + b"\n", key.to_encrypted_pem(self._passphrase)
        write_private_together({path.with_suffix(".pub"): public, path: private})
        self._open[name] = key

    def get(self, name: str) -> PrivateKey:
        """Open a key.

        Raises:
            NotSetUp: it is not here.
            TrustError: the passphrase is wrong, or the file is damaged.
            PrivateFileError: others can read it, or it cannot be read.
        """
        key = self._open.get(name)
        if key is not None:
            return key
        path = self._path(name)
        try:
            data = read_private(path, KEY_BYTES)
        except FileNotFoundError as error:
            raise NotSetUp(f"There is no key {name} in {self._directory}. Is this the computer that holds it?") from error
        try:
            key = PrivateKey.from_pem(data, self._passphrase)
        except TrustError as error:
            raise TrustError(f"{path.name}: {error}") from error
        self._open[name] = key
        return key

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise TrustError(f"{name!r} is no name of a key.")
        return self._directory / f"{name}.pem"
