"""`handrail org show`: the organisation as words and tables, or as one JSON document."""

from datetime import datetime, timedelta

from technician_client.cli.app import App
from technician_client.cli.times import day
from technician_client.organisation import approvals, lists
from technician_client.organisation.metadata import OFFLINE
from technician_client.organisation.record import OrganisationHome, OrganisationRecord
from technician_client.organisation.registering import root_words, short_pin
from technician_client.organisation.repository import Repository
from technician_client.organisation.spool import Spool
from technician_client.organisation.tokens import Records
from technician_client.organisation.vault import KeyDirectory

SOON = timedelta(days=14)


def describe(
    app: App, home: OrganisationHome, record: OrganisationRecord, spool: Spool, records: Records, wall: datetime
) -> None:
    """Print everything that an administrator wants to know at a glance."""
    technicians = lists.technicians(spool).technicians
    policy = lists.policy(spool)
    fixes = approvals.approved(spool)
    repository = Repository(home.repository)
    waiting = {role: spool.missing(role) for role in spool.roles() if role != "root"}
    expiries = repository.expiries()
    keys = list(KeyDirectory(home.vault, b"").names())
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
            }
        )
        return
    out = app.output
    out.text(f"{record.name}  (organisation {record.organisation}, root {root_words(record)})")
    out.text(f"Relay: {record.relay or 'none yet'}" + (f", pinned to {short_pin(record.relay_spki)}" if record.relay else ""))
    needed = ", ".join(f"{role} {getattr(record.thresholds, role)}" for role in OFFLINE)
    out.text(f"Signatures needed: {needed}. Keys here: {', '.join(keys) or 'none'}")
    out.table("Technicians", ["name", "tier", "id", "key"], [[t.name, t.tier, t.peer, t.key[:16]] for t in technicians])
    rules = [
        [name, ", ".join(rule.unattended) or "nobody", "yes" if rule.consent_for_fixes else "no"]
        for name, rule in policy.groups.items()
    ]
    out.table("Device groups", ["group", "unattended", "ask before fixes"], rules)
    out.table("Approved fixes", ["id", "version", "title", "as"], [[f.id, f.version, f.title, f.run_as] for f in fixes])
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
    for role, moment in expiries.items():
        if moment < wall + SOON and role not in ("snapshot", "timestamp"):
            out.warning(f"{role} expires on {day(moment)}: handrail org renew")
    stamp = expiries.get("timestamp")
    if stamp is None:
        out.text("Nothing is published yet. Start: handrail signer")
    elif stamp < wall:
        out.warning(f"The timestamp expired on {day(stamp)}: the signer does not run. Start: handrail signer")
