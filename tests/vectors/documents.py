"""One example of every signed document and format: the golden vectors are made from them. Append, never change a value."""

from protocol.articles import Article, ArticleList
from protocol.capabilities import Capability
from protocol.documents import (
    Bundle,
    Document,
    GroupPolicy,
    OrganisationPolicy,
    RevocationList,
    ScriptFile,
    ScriptManifest,
    Step,
    TechnicianEntry,
    TechniciansList,
)
from protocol.seeds import Seed

RULES = GroupPolicy(unattended=[Capability.VIEW, Capability.FIXES], attended=[Capability.VIEW], hide_windows=["*keepass*"])

DOCUMENTS: dict[str, Document | ScriptManifest] = {
    "policy, format 1": OrganisationPolicy(issued=1763769600.0, name="Büro", groups={"front": RULES}),
    "policy, format 2": OrganisationPolicy(
        issued=1763769600.0, name="Büro", groups={"front": GroupPolicy(transcript_days=30)}, default=GroupPolicy(recording_days=7)
    ),
    "technicians": TechniciansList(
        issued=1763769600.0, technicians=[TechnicianEntry(name="Ana Ruiz", tier=2, key="ab" * 32, peer="ana1")]
    ),
    "articles": ArticleList(issued=1763769600.0, articles=[Article(id="printer", title="Paper", words=["paper"], text="Look.")]),
    "revocation": RevocationList(issued=1763769600.0, fingerprints=["cd" * 32], not_before=1763760000.0),
    "bundle": Bundle(
        kind="device",
        org="0123456789abcdef",
        organisation_name="Büro",
        root=b"root",
        tuf_root=b"{}",
        relay="https://relay.example:8443",
        token_id="f" * 16,
        secret=bytes(range(32)),
        expires=2e9,
    ),
    "seed": Seed(organisation_name="Büro", root=b"root", tuf_root=b"{}", relay="https://relay.example:8443"),
    "manifest": ScriptManifest(
        id="empty-trash",
        version="1.0",
        title="Empty the bin",
        min_tier=1,
        run_as="user",
        os=["linux"],
        files=[ScriptFile("fix.py", "ef" * 32, 12)],
        run=Step(["/usr/bin/python3", "{file:fix.py}"]),
    ),
}
