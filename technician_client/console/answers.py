"""Answers that every part of the console's API gives."""

from typing import Any

from aiohttp import web

from technician_client.console.wire import write_object


def answer_json(value: dict[str, Any], status: int = 200) -> web.Response:
    """A JSON document."""
    return web.Response(text=write_object(value), status=status, content_type="application/json", charset="utf-8")


def problem(status: int, title: str, detail: str, reason: str = "") -> web.Response:
    """An RFC 9457 problem document; `reason` is a word for the page."""
    more = {"reason": reason} if reason else {}
    body = write_object({"type": "about:blank", "title": title, "status": status, "detail": detail} | more)
    return web.Response(text=body, status=status, content_type="application/problem+json", charset="utf-8")
