"""A directory of encrypted private keys under one passphrase: the vault, and the signer's own keys.

Each key is a PEM file of mode 0600, encrypted by the passphrase through scrypt (`protocol.keys`), and opened only when it is
needed.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from protocol.certificates import Curve, PrivateKey
from protocol.errors import TrustError
from technician_client.errors import NotSetUp
from technician_client.private_files import make_private_directory, read_private, write_private

KEY_BYTES = 16 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
SHORTEST_PASSPHRASE = 8


class WeakPassphrase(TrustError):
    """The passphrase is too short to protect anything."""


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

    def create(self, name: str, curve: Curve = "P-256") -> PrivateKey:
        """Make a new key.

        Raises:
            WeakPassphrase: fewer than 8 bytes.
            TrustError: there is one of this name already: keys are never overwritten.
            PrivateFileError: it cannot be written.
        """
        key = PrivateKey.generate(curve)
        self.put(name, key)
        return key

    def put(self, name: str, key: PrivateKey) -> None:
        """Keep a key under a name; raises as `create`."""
        if len(self._passphrase) < SHORTEST_PASSPHRASE:
            raise WeakPassphrase(f"The passphrase is too short: take at least {SHORTEST_PASSPHRASE} characters.")
        path = self._path(name)
        if path.exists():
            raise TrustError(f"There is a key {path} already, and keys are never overwritten.")
        make_private_directory(self._directory)
        write_private(path, key.to_encrypted_pem(self._passphrase))
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
