"""`handrail whoami`: this technician's identity, without unlocking it."""

from datetime import UTC, datetime

import click

from protocol.certificate_profile import load_certificate
from protocol.certificates import Role, TechnicianClaims, check_chain
from protocol.chain import Identity
from protocol.errors import TrustError
from technician_client.cli.app import App, command_options, reporting
from technician_client.identity import IdentityRecord, read_record


def certified(record: IdentityRecord) -> Identity:
    """What the session certificate says, whether or not it has expired.

    Raises:
        TrustError: it does not lead to the organisation's root.
    """
    if not record.chain:
        raise TrustError("The identity holds no certificate. Join again with a new bundle.")
    moment = load_certificate(record.chain[0]).not_valid_before_utc
    return check_chain(record.chain, root_der=record.root, expected=Role.TECHNICIAN, purpose="session", wall=moment)


@click.command(epilog="\b\nExample:\n  handrail whoami --json")
@command_options
@reporting
def whoami(app: App) -> None:
    """Show who you are here: name, tier, organisation, relay, and how long your certificate lasts. Needs no passphrase."""
    settings = app.settings()
    record = read_record(settings.identity_directory)
    identity = certified(record)
    claims = identity.claims
    if not isinstance(claims, TechnicianClaims):
        raise TrustError("The certificate is not a technician's. Join again with a new bundle.")
    expired = identity.not_after <= datetime.now(UTC)
    until = identity.not_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    key = identity.fingerprint.hex()
    if app.output.as_json:
        app.output.json(
            {
                "name": claims.name,
                "tier": claims.tier,
                "groups": list(claims.groups),
                "peer": identity.peer,
                "organisation": {"id": record.organisation, "name": record.organisation_name},
                "relay": record.relay,
                "relay_pinned": bool(record.relay_spki),
                "key": key,
                "certificate": {"not_after": until, "expired": expired},
                "home": str(settings.home),
            }
        )
        return
    rows: list[list[object]] = [
        ["name", claims.name],
        ["tier", claims.tier],
        ["groups", ", ".join(claims.groups) or "all"],
        ["id", identity.peer],
        ["organisation", f"{record.organisation_name} ({record.organisation})"],
        ["relay", record.relay + (" (its key is pinned)" if record.relay_spki else "")],
        ["key", key],
        ["certificate", f"{'expired' if expired else 'valid until'} {until}; the next command renews it"],
        ["home", settings.home],
    ]
    app.output.table("", ["", ""], rows)
