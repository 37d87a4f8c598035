"""Refusals on the HTTP surface."""

from http import HTTPStatus

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request

from relay.problems import Problem, bearer, json_response, problem_response


def body(data: object) -> dict[str, object]:
    assert isinstance(data, bytes)
    decoded: dict[str, object] = msgspec.json.decode(data)
    return decoded


def test_a_problem_is_problem_json_with_a_sentence() -> None:
    answer = Problem(
        HTTPStatus.TOO_MANY_REQUESTS, "limit", "Wait a minute.", retry_after=11.2, headers={"Allow": "GET"}
    ).response()
    assert answer.content_type == "application/problem+json"
    assert (answer.status, answer.headers["Retry-After"], answer.headers["Allow"]) == (429, "12", "GET")
    assert body(answer.body) == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "reason": "limit",
        "detail": "Wait a minute.",
    }


def test_an_unknown_status_still_has_a_title() -> None:
    assert body(problem_response(599, "odd", "?").body)["title"] == "Error"


def test_json() -> None:
    answer = json_response({"a": b"\x01"}, 201)
    assert (answer.status, answer.content_type, body(answer.body)) == (201, "application/json", {"a": "AQ=="})


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("Bearer", ""), ("", "")],
)
def test_bearer(header: str, token: str) -> None:
    assert bearer(make_mocked_request("GET", "/", headers={"Authorization": header})) == token
