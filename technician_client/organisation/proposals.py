"""Judging a partly signed file of the repository that came by mail: by its signatures and by what is published, never by who
brought it. The signer judges so before it keeps one, and each approver before they look at one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets

from protocol.approvals import Proposal
from protocol.errors import TrustError
from technician_client.organisation.metadata import DELEGATED, LIVES, read_metadata
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool, check_path

TRAVELLING: Final = ("targets", *DELEGATED)
"""Roles whose decisions are mailed. A new root is signed where the people meet (docs/ceremony.md)."""
FURTHEST_VERSION: Final = 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """A proposal that holds: `metadata` carries valid signatures of the role's keys only, whose ids are `signed`; `digest` is the
    SHA-256 of what they signed; `missing` signatures are still needed."""

    role: str
    metadata: Metadata[Targets]
    targets: Mapping[str, bytes]
    digest: bytes
    signed: tuple[str, ...]
    missing: int

    @property
    def version(self) -> int:
        """The version that the file would have."""
        return self.metadata.signed.version


def digest_of(metadata: Metadata[Targets]) -> bytes:
    """What a proposal is known by: its signed part, whoever has signed it so far."""
    return hashlib.sha256(metadata.signed_bytes).digest()


def key_ids(repository: Repository, role: str) -> list[str]:
    """The keys that may sign a role, as published."""
    return list(_delegator(repository, role).get_delegated_role(role).keyids)


def judge(proposal: Proposal, repository: Repository, wall: datetime) -> Judged:
    """Check a proposal against what is published.

    Raises:
        TrustError: it is no file of such a role, no key of the role has signed it, it is not newer than what is published, it has
            expired, it lists what the role may not sign, or the bytes of a target are missing or others.
    """
    role = proposal.role
    if role not in TRAVELLING:
        raise TrustError(f"Decisions about {role} are not mailed; its key holders sign where they meet.")
    metadata = read_metadata(proposal.metadata, f"{role}.json")
    if not isinstance(metadata.signed, Targets):
        raise TrustError(f"What was mailed for {role} is not a list of targets.")
    delegator = _delegator(repository, role)
    try:
        result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError) as error:
        raise TrustError(f"What was mailed for {role} cannot be judged: {error}.") from error
    signed = tuple(sorted(result.signed))
    if not signed:
        raise TrustError(f"No key holder of {role} has signed what was mailed: it was changed, or is nobody's decision.")
    for key in set(metadata.signatures) - set(signed):
        del metadata.signatures[key]
    published = repository.version(role)
    if metadata.signed.version <= published:
        raise TrustError(
            f"What was mailed for {role} is version {metadata.signed.version}, and version {published} is published: it is an "
            "old decision, played again, or overtaken meanwhile. Make it again on what is published now."
        )
    if metadata.signed.version > published + FURTHEST_VERSION:
        raise TrustError(f"What was mailed for {role} leaves out more than {FURTHEST_VERSION} versions.")
    expires = metadata.signed.expires.astimezone(UTC)
    if expires <= wall:
        raise TrustError(f"What was mailed for {role} expired on {expires:%Y-%m-%d}. Make the decision again.")
    if expires > wall + LIVES[role] + timedelta(days=1):
        raise TrustError(f"What was mailed for {role} would hold for longer than files of this role may.")
    needed = _targets(role, metadata.signed, delegator, repository, proposal.targets)
    return Judged(role, metadata, needed, digest_of(metadata), signed, max(0, result.threshold - len(signed)))


def _targets(
    role: str, signed: Targets, delegator: Root | Targets, repository: Repository, brought: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The bytes of the targets that are not published yet."""
    needed: dict[str, bytes] = {}
    for path, listed in signed.targets.items():
        check_path(path)
        allowed = delegator.get_delegated_role(role)
        if role in DELEGATED and not getattr(allowed, "is_delegated_path", lambda _: False)(path):
            raise TrustError(f"What was mailed for {role} lists {path}, which that role may not sign.")
        if repository.target(listed) is not None:
            continue
        data = brought.get(path)
        if data is None:
            raise TrustError(f"What was mailed for {role} lacks the file {path}.")
        try:
            listed.verify_length_and_hashes(data)
        except (RepositoryError, ValueError) as error:
            raise TrustError(f"The mailed file {path} is not the one that was signed: it was changed on its way.") from error
        needed[path] = data
    return needed


def proposal_of(spool: Spool, repository: Repository, role: str) -> Proposal:
    """What waits in a spool for a role, as it is mailed.

    Raises:
        TrustError: nothing waits, or a file of it is not here.
    """
    data = spool.candidate(role)
    if data is None:
        raise TrustError(f"Nothing of {role} waits for a signature.")
    metadata = spool.newest(role)
    fresh = {path for path, listed in metadata.signed.targets.items() if repository.target(listed) is None}
    return Proposal(role, data, {path: spool.newest_target(role, path) for path in sorted(fresh)})


def _delegator(repository: Repository, role: str) -> Root | Targets:
    """Who says which keys may sign: as published, never as proposed."""
    return Spool(repository.nowhere, repository).delegator(role)
