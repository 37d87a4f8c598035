"""Decisions of the administrators and of those on call: technicians, policy, articles, revocation. Each lays a newly signed file
into the spool."""

from collections.abc import Callable, Sequence
from datetime import datetime

from protocol.articles import ARTICLES_BYTES, ARTICLES_PATH, MOST_ARTICLES, Article, ArticleList, decode_articles
from protocol.documents import (
    POLICY_PATH,
    REVOCATION_PATH,
    TECHNICIANS_PATH,
    OrganisationPolicy,
    RevocationList,
    TechnicianEntry,
    TechniciansList,
    canonical_json,
    decode_document,
)
from protocol.errors import TrustError
from technician_client.errors import NotFound
from technician_client.organisation.issuing import Lists
from technician_client.organisation.metadata import TufSigner
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool


def published_lists(repository: Repository) -> Lists:
    """What the signer judges renewals by: only what is published, never what waits.

    Raises:
        TrustError: the repository is damaged, or nothing is published yet.
    """
    spool = Spool(repository.nowhere, repository)
    return Lists(
        decode_document(spool.newest_target("policy", TECHNICIANS_PATH), TechniciansList),
        decode_document(spool.newest_target("revocation", REVOCATION_PATH), RevocationList),
    )


def technicians(spool: Spool) -> TechniciansList:
    """The newest list of technicians, published or waiting."""
    return decode_document(spool.newest_target("policy", TECHNICIANS_PATH), TechniciansList, whole=True)


def policy(spool: Spool) -> OrganisationPolicy:
    """The newest policy, published or waiting."""
    return decode_document(spool.newest_target("policy", POLICY_PATH), OrganisationPolicy, whole=True)


def articles(spool: Spool) -> ArticleList:
    """The newest articles, published or waiting; none where there never were any."""
    if ARTICLES_PATH not in spool.newest("policy").signed.targets:
        return ArticleList(issued=0.0)
    return decode_articles(spool.newest_target("policy", ARTICLES_PATH), whole=True)


def revocation(spool: Spool) -> RevocationList:
    """The newest revocation list, published or waiting."""
    return decode_document(spool.newest_target("revocation", REVOCATION_PATH), RevocationList, whole=True)


def admit_technician(spool: Spool, entry: TechnicianEntry, signers: Sequence[TufSigner], wall: datetime) -> int:
    """Put a technician on the list (a new tier or name replaces the old line of the same key); returns missing signatures."""
    others = [known for known in technicians(spool).technicians if known.key != entry.key]
    return _write_technicians(spool, [*others, entry], signers, wall)


def dismiss_technician(
    spool: Spool, name_or_key: str, signers: Sequence[TufSigner], wall: datetime
) -> tuple[TechnicianEntry, int]:
    """Take a technician off the list.

    Returns:
        Who it was, and how many signatures are missing.

    Raises:
        NotFound: nobody of this name or key stands there.
        TrustError: several do.
    """
    known = technicians(spool).technicians
    found = [entry for entry in known if name_or_key in (entry.name, entry.peer) or entry.key.startswith(name_or_key.lower())]
    if not found:
        raise NotFound(f"No technician {name_or_key!r} stands on the list. See: handrail org show")
    if len(found) > 1:
        raise TrustError(f"{len(found)} technicians answer to {name_or_key!r}. Give more of the key (handrail org show).")
    entry = found[0]
    return entry, _write_technicians(spool, [other for other in known if other != entry], signers, wall)


def change_policy(
    spool: Spool, change: Callable[[OrganisationPolicy], OrganisationPolicy], signers: Sequence[TufSigner], wall: datetime
) -> int:
    """Replace the policy by `change(policy)`; returns missing signatures."""
    changed = change(policy(spool))
    return spool.edit("policy", add={POLICY_PATH: canonical_json(changed)}, signers=signers, wall=wall)


def revoke_key(
    spool: Spool, fingerprints: Sequence[str], signers: Sequence[TufSigner], wall: datetime, *, not_before: float = 0.0
) -> int:
    """Add keys (hex SHA-256 of SPKI) to the revocation list, or move `not_before` on; returns missing signatures."""
    added = RevocationList(issued=_issued(wall), fingerprints=list(fingerprints), not_before=not_before)
    merged = revocation(spool).union(added)
    return spool.edit("revocation", add={REVOCATION_PATH: canonical_json(merged)}, signers=signers, wall=wall)


def put_article(spool: Spool, article: Article, signers: Sequence[TufSigner], wall: datetime) -> int:
    """Publish an article, in place of the one of the same id if there is one; returns missing signatures.

    Raises:
        TrustError: there are too many, or they are too large together.
    """
    others = [known for known in articles(spool).articles if known.id != article.id]
    if len(others) >= MOST_ARTICLES:
        raise TrustError(f"There are {MOST_ARTICLES} articles; that is the most. Remove one first (handrail org article list).")
    return _write_articles(spool, [*others, article], signers, wall)


def drop_article(spool: Spool, identifier: str, signers: Sequence[TufSigner], wall: datetime) -> int:
    """Publish an article no longer; returns missing signatures.

    Raises:
        NotFound: there is none of this id.
    """
    known = articles(spool).articles
    if identifier not in (one.id for one in known):
        raise NotFound(f"There is no article {identifier!r}. See: handrail org article list")
    return _write_articles(spool, [one for one in known if one.id != identifier], signers, wall)


def _write_articles(spool: Spool, found: Sequence[Article], signers: Sequence[TufSigner], wall: datetime) -> int:
    changed = canonical_json(ArticleList(issued=_issued(wall), articles=sorted(found, key=lambda one: one.id)))
    if len(changed) > ARTICLES_BYTES:
        raise TrustError(f"The articles have {len(changed)} bytes together; agents read at most {ARTICLES_BYTES}. Shorten some.")
    return spool.edit("policy", add={ARTICLES_PATH: changed}, signers=signers, wall=wall)


def _write_technicians(spool: Spool, entries: Sequence[TechnicianEntry], signers: Sequence[TufSigner], wall: datetime) -> int:
    changed = TechniciansList(issued=_issued(wall), technicians=sorted(entries, key=lambda entry: (entry.name, entry.key)))
    return spool.edit("policy", add={TECHNICIANS_PATH: canonical_json(changed)}, signers=signers, wall=wall)


def _issued(wall: datetime) -> float:
    return float(int(wall.timestamp()))
