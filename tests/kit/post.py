"""Approvers, their mail and the signer's desk in one process: the carrier between them may be as hostile as a relay can be."""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from protocol.approvals import ApprovalRequest
from protocol.certificates import PrivateKey
from technician_client.organisation.approval_desk import ApprovalDesk
from technician_client.organisation.approvals import Script, approve
from technician_client.organisation.foundation import LOGIN_KEY
from technician_client.organisation.mailing import Mailing, take
from technician_client.organisation.proposals import Judged
from technician_client.organisation.record import OrganisationHome
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from tests.kit.founded import Founded


class Post:
    """The signer's desk of an organisation where two must sign, and the relay before it. `edit` sees each request document and
    `swap` each answer on their way; `sent` and `answered` keep what went by."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.founded = Founded(directory, two_people=True)
        self.founded.publish()
        self.now: datetime = self.founded.after(minutes=1)
        self.edit: Callable[[bytes], bytes] = lambda document: document
        self.swap: Callable[[bytes], bytes] = lambda answer: answer
        self.sent: list[bytes] = []
        self.answered: list[bytes] = []
        self.lines: list[str] = []
        self.restart()

    def restart(self) -> None:
        """The signer forgets what it had in its memory."""
        founded, home = self.founded, self.founded.home
        key, leaf = founded.signer_keys.get(LOGIN_KEY), home.certificate(LOGIN_KEY).read_bytes()
        self.desk = ApprovalDesk(founded.record, founded.repository, founded.spool, home.signer / "approvals.json", key, leaf)

    def deliver(self, document: bytes) -> bytes:
        """The desk's own answer."""
        answer, line = self.desk.answer(document, self.now)
        self.lines.append(line)
        return answer

    def carry(self, document: bytes) -> bytes:
        """What a request comes back with."""
        self.sent.append(document)
        answer = self.deliver(self.edit(document))
        self.answered.append(answer)
        return self.swap(answer)

    def approver(self, name: str) -> "Approver":
        """Somebody with one key of the vault on a computer of their own, which knows what is published now."""
        return Approver(self, name)


class Approver:
    """One key holder's computer."""

    def __init__(self, post: Post, key_name: str) -> None:
        self.post = post
        self.role = key_name.rpartition("-")[0]
        self.signers = post.founded.signers(self.role, key_name)
        self.key: PrivateKey = post.founded.vault.get(key_name)
        self.home = OrganisationHome(post.directory / key_name)
        self.repository = Repository(self.home.repository)
        self.spool = Spool(self.home.spool, self.repository)
        self.fetch()
        self.mailing = Mailing(post.founded.record, self.repository, post.carry, lambda: post.now)

    def fetch(self) -> None:
        """Learn what is published."""
        shutil.copytree(self.post.founded.home.repository, self.home.repository, dirs_exist_ok=True)

    def approve(self, *scripts: Script) -> int:
        """Sign scripts here and mail them."""
        approve(self.spool, scripts, self.signers, self.post.now)
        return self.mailing.share(self.spool, self.role, self.key)

    def waits(self) -> Judged | None:
        """What waits, as far as it is to be trusted."""
        return self.mailing.look(self.role, self.key).judged

    def countersign(self) -> int:
        """Sign what waits, and mail it."""
        judged = self.waits()
        assert judged is not None
        take(self.spool, judged)
        self.spool.countersign(self.role, self.signers)
        return self.mailing.share(self.spool, self.role, self.key)


def opened(document: bytes) -> ApprovalRequest:
    """A request, unverified."""
    return msgspec.msgpack.decode(document, type=ApprovalRequest)
