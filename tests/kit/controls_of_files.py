"""Controls of signed files, enrolment and the audit chain, and how each is taken away."""

from datetime import datetime
from pathlib import Path
from typing import Any

from tests.kit.controls import Patch, control


@control("the signatures of the repository's files")
def repository_signatures(patch: Patch) -> None:
    """Any bytes are a signature."""
    from securesystemslib.signer import SSlibKey

    patch(SSlibKey, "verify_signature", lambda self, signature, data: None)


@control("each signed list says the length and hash of what it names")
def repository_hashes(patch: Patch) -> None:
    """Whatever comes under a name is the file."""
    from tuf.api.metadata import MetaFile, TargetFile
    from tuf.ngclient.fetcher import FetcherInterface

    for kind in (MetaFile, TargetFile):
        patch(kind, "verify_length_and_hashes", lambda self, data: None)
    plain = FetcherInterface.download_file
    patch(FetcherInterface, "download_file", lambda self, url, max_length: plain(self, url, 1 << 20))


@control("the newest versions that were verified are remembered")
def repository_memory(patch: Patch) -> None:
    """Before each refresh everything but the root is forgotten."""
    import hostio.signed_repository

    plain = hostio.signed_repository.Updater

    def forgetful(metadata: str, *arguments: Any, **named: Any) -> Any:
        for name in ("timestamp", "snapshot", "targets", "policy", "revocation", "scripts"):
            Path(metadata, f"{name}.json").unlink(missing_ok=True)
        return plain(metadata, *arguments, **named)

    patch(hostio.signed_repository, "Updater", forgetful)


@control("an answer of the relay may have so many bytes and so much time")
def answer_bounds(patch: Patch) -> None:
    """Each answer is read to its end."""
    import http.client

    import hostio.relay_http

    read = http.client.HTTPResponse.read
    patch(http.client.HTTPResponse, "read", lambda self, amount=None: read(self))
    patch(hostio.relay_http._Bounded, "readinto", lambda self, buffer: self._raw.readinto(buffer))


@control("what a relay answers is taken as it is, never unpacked")
def nothing_unpacked(patch: Patch) -> None:
    """A packed answer is unpacked, as web clients do."""
    import gzip
    from dataclasses import replace

    import hostio.relay_http

    plain = hostio.relay_http.RelayHttp.request

    def unpacking(self: Any, *arguments: Any, **named: Any) -> Any:
        found = plain(self, *arguments, **named)
        return replace(found, body=gzip.decompress(found.body)) if found.body.startswith(b"\x1f\x8b") else found

    patch(hostio.relay_http.RelayHttp, "request", unpacking)


@control("no redirect of the relay is followed")
def no_redirects(patch: Patch) -> None:
    """They are, as web clients do."""
    import http.client
    import urllib.request

    answered = http.client.HTTPResponse.begin

    def follow(self: http.client.HTTPResponse) -> None:
        answered(self)
        if self.status in (301, 302, 303, 307, 308):
            urllib.request.urlopen(self.getheader("Location") or "", timeout=5).close()

    patch(http.client.HTTPResponse, "begin", follow)


@control("signed files expire")
def repository_expiry(patch: Patch) -> None:
    """They never do."""
    from tuf.api.metadata import Snapshot, Targets, Timestamp

    for kind in (Timestamp, Snapshot, Targets):
        patch(kind, "is_expired", lambda self, reference_time=None: False)


@control("how old signed state may be for each capability")
def freshness(patch: Patch) -> None:
    """Any age will do."""
    import agent.policy

    patch(agent.policy, "CHECKS", tuple(check for check in agent.policy.CHECKS if check is not agent.policy._stale))


@control("so many different keys must sign each role")
def thresholds(patch: Patch) -> None:
    """One is enough."""
    from tuf.api.metadata import VerificationResult

    import technician_client.organisation.repository
    import technician_client.organisation.spool

    for module in (technician_client.organisation.repository, technician_client.organisation.spool):
        patch(module, "missing_signatures", lambda metadata, role, delegator: 0 if metadata.signatures else 1)
    patch(VerificationResult, "verified", property(lambda self: bool(self.signed)))
    patch(VerificationResult, "missing", property(lambda self: 0 if self.signed else 1))


@control("agents keep the union of all revocations they ever saw")
def revocation_union(patch: Patch) -> None:
    """The newest list replaces the older ones."""
    from protocol.documents import RevocationList

    patch(RevocationList, "union", lambda self, other: self)


@control("the newest signed time is the floor of the clock")
def clock_floor(patch: Patch) -> None:
    """The computer's clock is believed."""
    from agent.trust import TrustStore

    def believe(self: TrustStore, wall: datetime | float) -> float:
        return wall.timestamp() if isinstance(wall, datetime) else wall

    patch(TrustStore, "clock", believe)


@control("the clock's floor rises by a day at most")
def floor_step(patch: Patch) -> None:
    """It rises to whatever is signed."""
    import agent.trust

    patch(agent.trust, "next_floor", lambda before, highest, issued, wall: max(before, issued))


@control("the clock's floor falls to a day below the highest it ever was, and no further")
def floor_depth(patch: Patch) -> None:
    """It follows whatever is signed."""
    import agent.trust

    patch(agent.trust, "next_floor", lambda before, highest, issued, wall: min(issued, before + 86400.0))


@control("the HMAC under the bundle's secret, in the request")
def enrolment_tag(patch: Patch) -> None:
    """The signer believes what the relay hands it."""
    import technician_client.organisation.issuing

    patch(technician_client.organisation.issuing, "check_request", lambda request, secret: None)


@control("the HMAC under the bundle's secret, in the answer, and the pinned root that certifies it")
def answer_proof(patch: Patch) -> None:
    """The device believes any chain of certificates."""
    import agent.enrolment
    import protocol.enrolment
    from protocol.certificate_profile import load_certificate
    from protocol.certificates import Identity, PublicKey, names_in_leaf
    from protocol.chain import _claims_of

    def believe(chain: list[bytes], *, purpose: Any, **_: Any) -> Identity:
        role, peer, organisation = names_in_leaf(chain[0])
        leaf = load_certificate(chain[0])
        claims = _claims_of(leaf, role, purpose)
        fingerprint = PublicKey.of_certificate(chain[0]).fingerprint
        return Identity(role, peer, organisation, fingerprint, claims, leaf.not_valid_after_utc, chain[0])

    patch(protocol.enrolment, "check_answer", lambda answer, secret: None)
    patch(protocol.enrolment, "check_chain", believe)
    patch(agent.enrolment, "check_chain", believe)


@control("a bundle is good for so many uses")
def bundle_uses(patch: Patch) -> None:
    """It never wears out."""
    import technician_client.organisation.issuing
    from technician_client.organisation.tokens import Records

    patch(technician_client.organisation.issuing, "_check_token", lambda token, request, organisation, wall: None)
    patch(Records, "use_token", lambda self, token_id, digest, answer, wall: True)


@control("audit records are bound to each other by hashes")
def audit_chain(patch: Patch) -> None:
    """Whatever stands in the file is believed."""
    import agent.audit

    def believe(rows: Any, *, sequence: int = 0, head: bytes = b"") -> tuple[int, bytes]:
        for record, digest in rows:
            sequence, head = record.sequence, digest
        return sequence, head

    patch(agent.audit, "check_chain", believe)


@control("the chain says what the person's receipts were when they were written")
def receipt_record(patch: Patch) -> None:
    """Nobody looks."""
    import agent.audit_export

    patch(agent.audit_export, "_check_files", lambda path, receipt, written: None)


@control("checkpoints are signed by the device")
def checkpoint_signature(patch: Patch) -> None:
    """Any signature will do."""
    from protocol.keys import PublicKey

    patch(PublicKey, "verify", lambda self, signature, data: None)


@control("each checkpoint is held against the one that was pinned before")
def pinned_checkpoints(patch: Patch) -> None:
    """Whatever the device signs for is believed."""
    import technician_client.receipts

    patch(technician_client.receipts, "check_continues", lambda old, new, proof: None)


@control("private keys lie encrypted on the disk")
def encrypted_keys(patch: Patch) -> None:
    """They lie there in the clear."""
    from protocol.keys import PrivateKey

    patch(PrivateKey, "to_encrypted_pem", lambda self, passphrase: self.to_pem())
