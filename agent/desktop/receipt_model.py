"""A receipt in words: no Qt here."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.desktop.texts import Texts, clock
from agent.receipts import ReceiptEvent, ReceiptRow, ReceiptShown
from protocol.printable import printable

DETAIL_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class ReceiptCard:
    """One receipt. `happened` are (time, words)."""

    heading: str
    who: str
    when: str
    lines: tuple[str, ...]
    happened: tuple[tuple[str, str], ...]


def seconds_of(moment: str) -> float | None:
    """RFC 3339 in UTC as seconds since 1970; None when it does not read."""
    try:
        return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def local_time(moment: str, form: str = "%Y-%m-%d %H:%M") -> str:
    """A moment as this computer's clock shows it."""
    at = seconds_of(moment)
    return printable(moment) if at is None else time.strftime(form, time.localtime(at))


def stars_words(stars: int, texts: Texts) -> str:
    """So many stars."""
    return texts("receipt.stars_one") if stars == 1 else texts("receipt.stars", count=stars)


def row_words(row: ReceiptRow, texts: Texts) -> str:
    """One line of the list."""
    when, name = local_time(row.opened_at), printable(row.technician)
    if row.stars:
        return texts("receipt.row_rated", when=when, name=name, stars=stars_words(row.stars, texts))
    return texts("receipt.row", when=when, name=name)


def card_of(receipt: ReceiptShown, texts: Texts) -> ReceiptCard:
    """The words of a receipt."""
    opened, ended = seconds_of(receipt.opened_at), seconds_of(receipt.ended_at)
    length = clock(ended - opened) if opened is not None and ended is not None else "?"
    lines = [texts("receipt.reason", reason=printable(receipt.reason))] if receipt.reason.strip() else []
    if receipt.unattended:
        lines.append(texts("receipt.unattended"))
    lines.append(texts("receipt.ended", because=printable(texts.retold(receipt.ended_because))))
    return ReceiptCard(
        heading=texts("receipt.heading", name=printable(receipt.technician)),
        who=texts("receipt.who", organisation=printable(receipt.organisation), tier=receipt.tier),
        when=texts(
            "receipt.when",
            from_time=local_time(receipt.opened_at),
            to_time=local_time(receipt.ended_at, "%H:%M"),
            length=length,
        ),
        lines=tuple(lines),
        happened=tuple(_happened(receipt, texts)),
    )


def _happened(receipt: ReceiptShown, texts: Texts) -> Iterator[tuple[str, str]]:
    for one in receipt.records:
        yield time.strftime("%H:%M:%S", time.localtime(one.at)), event_words(one, texts)
    if receipt.left_out > 0:
        yield "", texts("receipt.left_out", count=receipt.left_out)


def event_words(event: ReceiptEvent, texts: Texts) -> str:
    """One record; what this version has no words for is shown as it was written."""
    key = f"did.{event.action.replace(' ', '_')}"
    detail = {name: _words(name, str(value), texts) for name, value in event.detail.items()}
    if texts.has(key):
        try:
            return texts(key, **detail)
        except KeyError:
            pass  # written by another version, with other details
    shown = ", ".join(f"{printable(name)} {printable(str(value))}" for name, value in event.detail.items())
    return f"{printable(event.action)}{': ' if shown else ''}{shown}"[:DETAIL_CHARACTERS]


def _words(name: str, value: str, texts: Texts) -> str:
    if name == "granted":
        return texts.listing([texts.may(printable(one)) for one in value.split(", ") if one])
    if name == "capability":
        return texts.may(printable(value))
    if name in ("size", "sent_bytes", "received_bytes") and value.isdecimal():
        return texts.size(int(value[:18]))
    if name == "outcome" and texts.has(f"outcome.{value}"):
        return texts(f"outcome.{value}")
    return printable(value)[:DETAIL_CHARACTERS]
