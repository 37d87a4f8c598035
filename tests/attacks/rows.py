"""The rows of THREATS.md: who tries what, and what stops it. Numbers are fixed for good."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One threat. `not_covered` says why no test of the suite counts for it (yet)."""

    attacker: str
    attempt: str
    control: str
    not_covered: str = ""


ROWS: dict[int, Row] = {
    1: Row("relay", "read pixels, keys, tables", "TLS 1.3 end to end"),
    2: Row("relay", "flip a bit", "TLS record integrity"),
    3: Row("relay", "replay a click", "TLS record sequence"),
    4: Row("relay", "drop or reorder", "TLS record sequence"),
    5: Row("relay", "splice two sessions", "keys of one handshake"),
    6: Row("relay", "reflect a side's own bytes", "roles in the handshake"),
    7: Row("relay", "truncate a transfer", "close_notify; a cut is never a clean end"),
    8: Row("relay", "downgrade, wrong ALPN, plaintext", "TLS 1.3 only, no unencrypted mode"),
    9: Row("relay", "sit in the middle with an organisation of its own", "pinned root"),
    10: Row("relay", "route to another device", "certified device identity and label"),
    11: Row("relay", "harvest technicians' identities", "the client certificate goes out last"),
    12: Row("relay", "push a script or policy of its own", "TUF signatures"),
    13: Row("relay", "roll signed files back, or freeze them", "TUF versions and expiry"),
    14: Row("relay", "withhold a revocation", "freshness per capability"),
    15: Row("relay", "swap a CSR at enrolment", "HMAC under the bundle's secret"),
    16: Row("relay", "edit, delete or reorder audit records", "hash chain and pinned checkpoints"),
    17: Row("relay", "guest in the middle, knowing the rendezvous half of the code", "SPAKE2 bound to the channel"),
    18: Row("relay", "guess a guest's secret", "one wrong guess burns the code"),
    19: Row("relay", "grind the SAS", "commit, then reveal"),
    20: Row("outsider", "use a stolen or guessed code", "organisation certificate; rate limits"),
    21: Row("ex-employee", "use an old certificate", "short life, technicians' list, revocation, not_before"),
    22: Row("tier-1 technician", "send every message type there is", "decided at the agent"),
    23: Row("thief of the device CA", "mint a technician", "name constraint, role EKU, CA pin"),
    24: Row("rogue device", "HTML in a label, hostile pixels, escapes, giant images", "text only, limits"),
    25: Row("careless code", "verification turned off", "no such flag; a test looks for it"),
    26: Row("careless code", "weak cryptography", "negotiated parameters asserted"),
    27: Row("web page", "cross-site WebSocket, DNS rebinding, CSRF on the console", "Host, Origin, cookie, token"),
    28: Row("outsider", "a set-up route on a live server", "exact routes, no web set-up"),
    29: Row("outsider", "path traversal", "exact routes"),
    30: Row("relay's owner", "send an agent every message there is", "nothing acts on the relay's word"),
    31: Row("thief of one signing key", "publish alone", "thresholds"),
    32: Row("vendor", "an account path into an organisation", "no default relay, no telemetry, no vendor key"),
    33: Row("relay", "strip the encryption while the screen says encrypted", "the session never starts"),
    34: Row(
        "whoever takes over the relay's host",
        "all of it together, with its database, keys and files",
        "the relay holds no authority",
    ),
    35: Row("scammer", "hidden session", "banner"),
    36: Row("thief", "stolen laptop", "short leaf, encrypted keys, revocation"),
    37: Row("local user", "edits agent files or uses its local socket", "owner, mode and peer credentials checked"),
    38: Row("anyone", "half headers, fragments, many connections at once", "limits; a session runs on undisturbed"),
    39: Row("malicious technician", "blank screen, input into the consent window", "isolation"),
    40: Row("script author", "parameter injection", "typed argv, no shell"),
    41: Row("single insider", "approves an own script twice", "distinct keys"),
    42: Row("clock attacker", "sets the clock back", "newest signed time is the floor"),
    43: Row(
        "relay", "swaps labels so that another machine is opened", "a label that differs from the certificate stops the session"
    ),
    44: Row("relay", "forges help requests and labels", "text only, marked unverified"),
    45: Row(
        "thief of the signer", "mint a tier-3 technician; un-revoke one", "the list and revocations are not the signer's to sign"
    ),
    46: Row("thief of the signer", "a timestamp from the future", "the floor rises at most 24 h a step"),
    47: Row("technician with control", "answer our own questions by injected input", "injection stops while a question is open"),
    48: Row("relay, network", "read typed text from frame sizes and timing", "padding to buckets"),
    49: Row(
        "second technician",
        "take mouse and keyboard, read notes, or learn who else is there, past the user",
        "one holder; the user is asked; a capability of its own",
    ),
    50: Row(
        "relay", "call technicians in, or read who is called and why", "the agent alone calls, and says a tier or an opaque id"
    ),
    51: Row(
        "passer-by",
        "ask for, forward or run what is of tier 3 at a console that a technician left open",
        "the passphrase again, 15 minutes after it was typed",
    ),
    52: Row(
        "approver, relay",
        "have another version of a fix run than the one that the technician looked at",
        "the order carries the digest of what was shown, and the agent runs no other",
    ),
}
