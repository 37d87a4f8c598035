"""`handrail org show`: who holds what, what expires when, what waits; as words and tables, or as one JSON document."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from protocol.certificate_profile import load_certificate
from protocol.errors import TrustError
from technician_client.cli.app import App
from technician_client.cli.org_policy import in_words
from technician_client.cli.times import day
from technician_client.organisation import approvals, lists, releases, rotation
from technician_client.organisation.foundation import CA_KEYS, LOGIN_KEY
from technician_client.organisation.metadata import OFFLINE
from technician_client.organisation.record import OrganisationHome, OrganisationRecord
from technician_client.organisation.registering import root_words, short_pin
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from technician_client.organisation.tokens import Records
from technician_client.organisation.vault import KeyDirectory

SOON = timedelta(days=14)
LONG_BEFORE = {"root certificate": timedelta(days=365), "device-ca": timedelta(days=90), "technician-ca": timedelta(days=90)}


def describe(
    app: App, home: OrganisationHome, record: OrganisationRecord, spool: Spool, records: Records, wall: datetime
) -> None:
    """Print everything that an administrator wants to know at a glance."""
    technicians = lists.technicians(spool).technicians
    policy = lists.policy(spool)
    fixes = approvals.approved(spool)
    signed = releases.releases(spool)
    repository = Repository(home.repository)
    waiting = {role: spool.missing(role) for role in spool.roles() if role != "root"}
    expiries = repository.expiries()
    certificates = certificate_expiries(home, record)
    vault = KeyDirectory(home.vault, b"")
    keys = list(vault.names())
    holders = holders_by_role(home, record, spool, vault)
    people = {issued.fingerprint: issued for issued in records.issued("technician")}
    tokens = [token for token in records.tokens() if not token.withdrawn and token.expires > wall.timestamp()]
    devices = records.issued("device")
    if app.output.as_json:
        app.output.json(
            {
                "organisation": record.organisation,
                "name": record.name,
                "relay": record.relay,
                "relay_spki": record.relay_spki,
                "thresholds": record.thresholds,
                "technicians": technicians,
                "groups": policy.groups,
                "fixes": [{"id": fix.id, "version": fix.version, "title": fix.title, "run_as": fix.run_as} for fix in fixes],
                "releases": signed,
                "waiting": waiting,
                "expires": {role: moment.timestamp() for role, moment in expiries.items()},
                "revoked": lists.revocation(spool).fingerprints,
                "devices": devices,
                "bundles": [
                    {
                        "token_id": token.token_id,
                        "kind": token.kind,
                        "used": token.used,
                        "uses": token.uses,
                        "expires": token.expires,
                    }
                    for token in tokens
                ],
                "keys": keys,
                "holders": holders,
                "certificates": {name: moment.timestamp() for name, moment in certificates.items()},
                "technicians_certificates": list(people.values()),
                "not_before": lists.revocation(spool).not_before,
                "warnings": warnings(expiries, certificates, wall),
            }
        )
        return
    out = app.output
    out.text(f"{record.name}  (organisation {record.organisation}, root {root_words(record)})")
    out.text(f"Relay: {record.relay or 'none yet'}" + (f", pinned to {short_pin(record.relay_spki)}" if record.relay else ""))
    needed = ", ".join(f"{role} {getattr(record.thresholds, role)}" for role in OFFLINE)
    out.text(f"Signatures needed: {needed}. Keys here: {', '.join(keys) or 'none'}")
    rows: list[list[object]] = [[role, needed, ", ".join(who)] for role, (needed, who) in holders.items()]
    out.table("Who holds what", ["role", "signatures", "keys and holders"], rows)
    rows = []
    for entry in technicians:
        issued = people.get(entry.key)
        until = "none yet" if issued is None else "revoked" if issued.revoked else day(issued.not_after)
        rows.append([entry.name, entry.tier, entry.peer, entry.key[:16], until])
    out.table("Technicians", ["name", "tier", "id", "key", "certificate until"], rows)
    not_before = lists.revocation(spool).not_before
    if not_before:
        out.text(f"Technicians' certificates issued before {day(not_before)} are refused (handrail org panic).")
    out.table("Device groups", ["group", "what holds there"], [[name, in_words(rule)] for name, rule in policy.groups.items()])
    out.table("Approved fixes", ["id", "version", "title", "as"], [[f.id, f.version, f.title, f.run_as] for f in fixes])
    out.table(
        "Releases of the agent",
        ["platform", "version", "file", "bytes", "sha256"],
        [[r.platform, r.version, r.file, r.length, r.sha256[:16]] for r in signed],
    )
    out.table(
        "Devices",
        ["label", "id", "group", "last certificate", "valid until"],
        [[d.label, d.peer, d.group, day(d.last_at), "revoked" if d.revoked else day(d.not_after)] for d in devices],
    )
    if tokens:
        rows = [[t.token_id, t.kind, t.name or t.group, f"{t.used} of {t.uses}", day(t.expires)] for t in tokens]
        out.table("Open bundles", ["token", "kind", "for", "used", "until"], rows)
    for role, missing in waiting.items():
        out.text(
            f"Waiting: {role} ({f'{missing} more signature(s) needed' if missing else 'the signer publishes it when it runs'})"
        )
    moments = [["certificate", name, day(moment)] for name, moment in certificates.items()]
    moments += [["signed file", role, day(moment)] for role, moment in expiries.items()]
    out.table("What expires when", ["kind", "what", "until"], moments)
    for warning in warnings(expiries, certificates, wall):
        out.warning(warning)
    stamp = expiries.get("timestamp")
    if stamp is None:
        out.text("Nothing is published yet. Start: handrail signer")
    elif stamp < wall:
        out.warning(f"The timestamp expired on {day(stamp)}: the signer does not run. Start: handrail signer")


def certificate_expiries(home: OrganisationHome, record: OrganisationRecord) -> dict[str, datetime]:
    """Until when the root, the CAs and the signer's login are valid; those that are not on this computer are left out."""
    found = {"root certificate": load_certificate(record.root).not_valid_after_utc}
    for name in (*CA_KEYS.values(), LOGIN_KEY):
        path = home.certificate(name)
        if path.exists():
            found[name] = load_certificate(path.read_bytes()).not_valid_after_utc
    return {name: moment.astimezone(UTC) for name, moment in found.items()}


def holders_by_role(
    home: OrganisationHome, record: OrganisationRecord, spool: Spool, vault: KeyDirectory
) -> dict[str, tuple[int, list[str]]]:
    """For each role: how many must sign, and its keys in words: the name of one that is here, the holder of one that is not."""
    here = {}
    for name in vault.names():
        half = vault.public(name)
        if half is not None:
            here[rotation.tuf_key(half.key).keyid] = f"{name} (here{f', {half.holder}' if half.holder else ''})"
    try:
        roles = rotation.holders_of(spool, Repository(home.repository))
    except TrustError:
        return {}
    elsewhere = {key: f"{who} ({key[:8]})" for key, who in record.holders.items()}
    return {role: (needed, [here.get(key, elsewhere.get(key, key[:8])) for key in ids]) for role, (needed, ids) in roles.items()}


def warnings(expiries: Mapping[str, datetime], certificates: Mapping[str, datetime], wall: datetime) -> list[str]:
    """What must be done soon, each with the command that does it."""
    said = []
    for role, moment in expiries.items():
        if moment < wall + SOON and role not in ("snapshot", "timestamp"):
            said.append(f"{role} expires on {day(moment)}: handrail org renew")
    for name, moment in certificates.items():
        if moment < wall + LONG_BEFORE.get(name, SOON):
            what = "see docs/ceremony.md" if name == "root certificate" else "handrail org renew"
            said.append(f"{name} expires on {day(moment)}: {what}")
    return said
