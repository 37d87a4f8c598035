"""Logging to standard error: lines for people, or one JSON object per line for machines."""

import json
import logging
from datetime import UTC, datetime
from typing import TextIO

FIELDS = ("organisation", "peer", "role", "address", "reason")


class JsonFormatter(logging.Formatter):
    """One JSON object per record; the fields of `FIELDS` are taken over when the record has them."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: str(record.__dict__[name]) for name in FIELDS if name in record.__dict__}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class LineFormatter(logging.Formatter):
    """A readable line. What came from outside is escaped by `%r`-like repr so that it cannot forge a second line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record; control characters of the message are escaped, a traceback keeps its lines."""
        extra = "".join(f" {name}={record.__dict__[name]}" for name in FIELDS if name in record.__dict__)
        original, arguments = record.msg, record.args
        record.msg, record.args = _inert(record.getMessage() + extra), None
        try:
            return super().format(record)
        finally:
            record.msg, record.args = original, arguments


def _inert(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def configure(level: str, form: str, stream: TextIO) -> None:
    """Send every log to `stream`. Called once, by the command line."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else LineFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("aiosqlite", "sqlalchemy", "alembic", "aiohttp.access", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
