"""Log lines."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from relay.logs import JsonFormatter, LineFormatter, configure


@pytest.fixture(autouse=True)
def _handlers_are_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("relay.x", logging.INFO, __file__, 1, message, arguments, None)
    made.__dict__.update(extra)
    return made


def test_json_is_one_object_per_line_with_the_known_fields_only() -> None:
    line = JsonFormatter().format(record("hello %s", "you\nthere", peer="abc", secret="no"))
    assert "\n" not in line
    entry = json.loads(line)
    assert (entry["message"], entry["peer"], entry["level"], entry["logger"]) == ("hello you\nthere", "abc", "info", "relay.x")
    assert "secret" not in entry


def test_json_keeps_a_traceback() -> None:
    made = record("it broke")
    try:
        raise ValueError("why")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert "ValueError: why" in json.loads(JsonFormatter().format(made))["exception"]


def test_what_came_from_outside_cannot_forge_a_line_or_drive_the_terminal() -> None:
    made = record("login failed: %s", "x\n2026 INFO all is well \x1b[2J", peer="a\rb")
    line = LineFormatter().format(made)
    assert "\n" not in line
    assert "\x1b" not in line
    assert r"\x1b[2J" in line
    assert made.args is not None


@pytest.mark.parametrize("form", ["text", "json"])
def test_configure_sends_everything_to_the_stream(form: str) -> None:
    stream = io.StringIO()
    configure("info", form, stream)
    logging.getLogger("relay.some").info("served")
    logging.getLogger("relay.some").debug("hidden")
    logging.getLogger("sqlalchemy.engine").info("hidden")
    assert "served" in stream.getvalue()
    assert "hidden" not in stream.getvalue()
