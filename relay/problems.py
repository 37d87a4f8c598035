"""Errors on the HTTP surface: problem+json (RFC 9457) with a sentence that says what to do."""

import math
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web

PROBLEM_JSON = "application/problem+json"


class Problem(Exception):
    """An answer that is a refusal. Raised by handlers, turned into a response by the middleware."""

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        detail: str,
        *,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """As an answer."""
        answer = problem_response(self.status, self.reason, self.detail, retry_after=self.retry_after)
        answer.headers.update(self.headers)
        return answer


def problem_response(status: int, reason: str, detail: str, *, retry_after: float | None = None) -> web.Response:
    """The response: `reason` is for programs, `detail` for people."""
    title = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"
    body = {"type": "about:blank", "title": title, "status": status, "reason": reason, "detail": detail}
    headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=PROBLEM_JSON, headers=headers)


def json_response(body: object, status: int = 200) -> web.Response:
    """Any msgspec-encodable value as JSON."""
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


def bearer(request: web.BaseRequest) -> str:
    """The token of `Authorization: Bearer ...`; "" when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
