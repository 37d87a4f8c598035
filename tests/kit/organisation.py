"""An organisation in memory: root, both CAs, and credentials of devices, technicians and the signer on demand."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from protocol.certificates import (
    DeviceClaims,
    PrivateKey,
    TechnicianClaims,
    guest_peer,
    issue_ca,
    issue_device_leaf,
    issue_guest_certificate,
    issue_login_leaf,
    issue_root,
    issue_signer_login_leaf,
    issue_technician_leaf,
    organisation_id,
)
from protocol.link_messages import Role


@dataclass(frozen=True)
class Credentials:
    """One peer's keys and chains, for sessions and for the link."""

    role: Role
    peer: str
    key: PrivateKey
    chain: list[bytes]
    login_key: PrivateKey
    login_chain: list[bytes]


class Organisation:
    """Root and CAs made at `wall`; every credential is real."""

    def __init__(self, name: str = "Example Ltd", wall: datetime | None = None) -> None:
        self.wall = wall or datetime.now(UTC)
        self.name = name
        start = self.wall - timedelta(days=1)
        self.root_key = PrivateKey.generate("P-384")
        self.root = issue_root(self.root_key, name=name, wall=start, random_bytes=secrets.token_bytes)
        self.id = organisation_id(self.root)
        self.ca_keys = {role: PrivateKey.generate() for role in (Role.DEVICE, Role.TECHNICIAN)}
        self.cas = {
            role: issue_ca(
                role, ca_key=key.public, root_der=self.root, root_key=self.root_key, wall=start, random_bytes=secrets.token_bytes
            )
            for role, key in self.ca_keys.items()
        }

    def device(
        self, label: str = "Reception PC", group: str = "front", *, peer: str = "", wall: datetime | None = None
    ) -> Credentials:
        """A device with its session and login leaves."""
        peer, key = peer or secrets.token_hex(8), PrivateKey.generate()
        leaf = issue_device_leaf(
            peer,
            key.public,
            DeviceClaims(label=label, group=group),
            ca_der=self.cas[Role.DEVICE],
            ca_key=self.ca_keys[Role.DEVICE],
            lifetime=timedelta(days=30),
            wall=wall or self.wall,
            random_bytes=secrets.token_bytes,
        )
        return self._with_login(Role.DEVICE, peer, key, leaf)

    def technician(
        self, name: str = "Ana Ruiz", tier: int = 3, *, peer: str = "", wall: datetime | None = None, hours: float = 12
    ) -> Credentials:
        """A technician with its session and login leaves."""
        peer, key = peer or secrets.token_hex(8), PrivateKey.generate()
        leaf = issue_technician_leaf(
            peer,
            key.public,
            TechnicianClaims(name=name, tier=tier, groups=[]),
            ca_der=self.cas[Role.TECHNICIAN],
            ca_key=self.ca_keys[Role.TECHNICIAN],
            lifetime=timedelta(hours=hours),
            wall=wall or self.wall,
            random_bytes=secrets.token_bytes,
        )
        return self._with_login(Role.TECHNICIAN, peer, key, leaf)

    def signer(self) -> Credentials:
        """The signer, which has a login leaf alone."""
        key = PrivateKey.generate()
        leaf = issue_signer_login_leaf(
            key.public, root_der=self.root, root_key=self.root_key, wall=self.wall, random_bytes=secrets.token_bytes
        )
        return Credentials(Role.SIGNER, "signer", key, [leaf], key, [leaf])

    def guest(self, *, key: PrivateKey | None = None) -> Credentials:
        """A guest of this organisation: one key and the certificate that it issued to itself, for everything."""
        key = key or PrivateKey.generate()
        chain = [issue_guest_certificate(key, organisation=self.id, wall=self.wall, random_bytes=secrets.token_bytes)]
        return Credentials(Role.GUEST, guest_peer(key.public), key, chain, key, chain)

    def _with_login(self, role: Role, peer: str, key: PrivateKey, leaf: bytes) -> Credentials:
        login_key = PrivateKey.generate()
        login = issue_login_leaf(
            role,
            peer,
            login_key.public,
            ca_der=self.cas[role],
            ca_key=self.ca_keys[role],
            wall=self.wall,
            random_bytes=secrets.token_bytes,
        )
        return Credentials(role, peer, key, [leaf, self.cas[role]], login_key, [login, self.cas[role]])
