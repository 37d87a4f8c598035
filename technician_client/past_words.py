"""A past session as a page for people: Markdown to paste into a ticket, HTML to print. Everything foreign is made inert."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Final

from protocol.audit import Record
from protocol.messages.fixes import SHORT_DIGEST
from technician_client.past import PastSession
from technician_client.worklog import FixDone

ACTIONS: Final[Mapping[str, str]] = {
    "session asked": "Asked for: {wanted}",
    "session opened": "The session opened with: {granted}",
    "session resumed": "The session went on with: {granted}",
    "session ended": "The session ended: {reason}",
    "connection lost": "The connection was lost",
    "capability granted": "Also allowed: {capability}",
    "capability revoked": "No longer allowed: {capability} ({by})",
    "held back": "Held back ({by})",
    "not held back any more": "Went on ({by})",
    "diagnostics collected": "Read the computer's state",
    "fix started": "Fix {id} {version} began",
    "fix ended": "Fix {id} {version} ended: {outcome}",
    "terminal opened": "A terminal as {user}",
    "terminal ended": "The terminal of {user} ended after {seconds} s",
    "colleague called": "A colleague of tier {tier} was called",
    "control handed over": "Mouse and keyboard were handed over to a colleague",
    "control taken over": "Mouse and keyboard were taken over from a colleague",
    "file received": "File put there: {path}",
    "file sent": "File taken from there: {path}",
    "file asked for": "File asked for: {path}",
    "folder made": "Folder made: {path}",
    "clipboard read": "Their clipboard was read",
    "clipboard written": "Their clipboard was written",
    "recording started": "Recording began",
    "recording ended": "Recording ended ({by})",
    "restart ordered": "A restart was ordered",
    "log followed": "The log was followed",
    "forward opened": "Connected to {to}",
    "forward ended": "No longer connected to {to}",
    "live readings watched": "Watched live readings",
}
OUTCOMES: Final[Mapping[str, str]] = {
    "fixed": "fixed",
    "not_needed": "not needed",
    "done": "done",
    "failed": "failed",
    "verify_failed": "ran, but did not help",
    "undone": "undone",
    "timed_out": "ran out of time",
    "cancelled": "cancelled",
    "refused": "refused",
}
_MARKS: Final = re.compile(r"([\\`*_{}\[\]<>#|~])")
_MOST_CHARS: Final = 500
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1a1d21}"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #d5d9de}"
    "pre{white-space:pre-wrap;font:inherit;background:#f4f5f7;padding:.75rem}.fault{color:#a3180d}"
)
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def plain(text: str, *, lines: bool = False) -> str:
    """Without control and direction characters; `lines`: newlines stay."""
    kept = "\n" if lines else ""
    return "".join(c if c in kept or unicodedata.category(c)[0] != "C" else " " for c in text)


def event_words(record: Record) -> str:
    """One record of a device in words; what there are no words for is shown as it was written."""
    detail = {name: plain(str(value)) for name, value in record.detail.items()}
    if "outcome" in detail:
        detail["outcome"] = OUTCOMES.get(detail["outcome"], detail["outcome"])
    form = ACTIONS.get(record.action)
    if form is not None:
        try:
            return f"{form.format_map(detail)}{_digest_words(detail.get('digest', ''))}"[:_MOST_CHARS]
        except (KeyError, ValueError):
            pass  # written by another version, with other details
    said = ", ".join(f"{plain(name)} {value}" for name, value in detail.items())
    return f"{plain(record.action)}{': ' if said else ''}{said}"[:_MOST_CHARS]


def _digest_words(digest: str) -> str:
    """The beginning of a fix's digest, as it stands behind its name; "" for none."""
    return f" (digest {digest[:SHORT_DIGEST]})" if digest else ""


def fix_words(fix: FixDone) -> tuple[str, str, str]:
    """Name, version and digest, how it ended, and what changed by it."""
    gone = [title for title in fix.before if title not in fix.after]
    left = [title for title in fix.after if title in fix.before]
    new = [title for title in fix.after if title not in fix.before]
    parts = []
    for words, titles in (("solved", gone), ("still there", left), ("new", new)):
        if titles:
            parts.append(f"{words}: {', '.join(plain(title) for title in titles)}")
    return (
        f"{plain(fix.id)} {plain(fix.version)}{_digest_words(plain(fix.digest))}",
        OUTCOMES.get(fix.outcome, plain(fix.outcome)),
        "; ".join(parts) or "no finding changed",
    )


def moment(at: float) -> str:
    """A time in UTC, "" for none."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at > 0 else ""


def facts(past: PastSession) -> list[tuple[str, str]]:
    """What stands at the top, as (name, words)."""
    rows = [
        ("Device", f"{past.label} ({past.device})" if past.device else past.label),
        ("Technician", past.technician),
        ("Organisation", past.organisation),
        ("Reason", past.reason),
        ("From", moment(past.opened_at)),
        ("Until", moment(past.ended_at)),
        ("Ended", past.ended_because),
        ("Asked", "nobody: the organisation's policy allowed it" if past.unattended else ""),
        ("Session", past.session),
        (
            "Signed",
            f"by the device, over {past.signed} records of its audit chain" if past.signed else "no checkpoint came with it",
        ),
        ("Recordings", ", ".join(past.recordings)),
    ]
    return [(name, plain(words)) for name, words in rows if words.strip()]


def _file_row(record: Record) -> tuple[str, str, str, str]:
    way = "put there" if record.action == "file received" else "taken"
    detail = {name: plain(str(value)) for name, value in record.detail.items()}
    return way, detail.get("path", ""), detail.get("size", ""), detail.get("sha256", "")


def to_markdown(past: PastSession) -> str:
    """For a ticket. CommonMark with tables; nothing foreign is markup."""
    lines = [f"# Session with {_marked(past.label or past.session)}", ""]
    lines += [f"- **{name}:** {_marked(words)}" for name, words in facts(past)]
    if past.fault:
        lines += ["", f"**Attention:** {_marked(past.fault)}"]
    if past.note:
        lines += ["", "## Notes", "", *[f"> {_marked(line)}" for line in plain(past.note, lines=True).splitlines()]]
    if past.fixes:
        lines += ["", "## Fixes", "", "| fix | outcome | what changed |", "|---|---|---|"]
        lines += [f"| {' | '.join(_marked(cell) for cell in fix_words(fix))} |" for fix in past.fixes]
    if past.files:
        lines += ["", "## Files", "", "| way | path | bytes | SHA-256 |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(_marked(cell) for cell in _file_row(one))} |" for one in past.files]
    if past.records:
        lines += ["", "## What happened, as the device wrote it down", ""]
        lines += [f"- {moment(one.at)}: {_marked(event_words(one))}" for one in past.records]
    return "\n".join(lines) + "\n"


def _marked(text: str) -> str:
    return _MARKS.sub(r"\\\1", plain(text))


def to_html(past: PastSession) -> str:
    """One file without anything from elsewhere; its own policy forbids scripts and requests."""
    title = escape(plain(f"Session with {past.label or past.session}"))
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>",
        _table([], facts(past), heads=True),
    ]
    if past.fault:
        parts.append(f'<p class="fault"><strong>Attention:</strong> {escape(plain(past.fault))}</p>')
    if past.note:
        parts.append(f"<h2>Notes</h2><pre>{escape(plain(past.note, lines=True))}</pre>")
    if past.fixes:
        parts.append("<h2>Fixes</h2>" + _table(["Fix", "Outcome", "What changed"], [fix_words(fix) for fix in past.fixes]))
    if past.files:
        parts.append("<h2>Files</h2>" + _table(["Way", "Path", "Bytes", "SHA-256"], [_file_row(one) for one in past.files]))
    if past.records:
        rows = [(moment(one.at), event_words(one)) for one in past.records]
        parts.append("<h2>What happened, as the device wrote it down</h2>" + _table(["When", "What"], rows))
    return "\n".join(parts) + "\n</body></html>\n"


def _table(
    columns: list[str],
    rows: "list[tuple[str, str]] | list[tuple[str, str, str]] | list[tuple[str, str, str, str]]",
    heads: bool = False,
) -> str:
    head = f"<thead><tr>{''.join(f'<th scope=col>{escape(name)}</th>' for name in columns)}</tr></thead>" if columns else ""
    body = ""
    for row in rows:
        cells = [f"<td>{escape(cell)}</td>" for cell in row]
        if heads:
            cells[0] = f"<th scope=row>{escape(row[0])}</th>"
        body += f"<tr>{''.join(cells)}</tr>"
    return f"<table>{head}<tbody>{body}</tbody></table>"
