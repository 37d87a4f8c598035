"""Documents and problem documents."""

import json

from technician_client.console.answers import answer_json, problem


def test_a_document_is_json() -> None:
    answer = answer_json({"id": "x"}, status=201)
    assert (answer.status, answer.content_type, json.loads(answer.text or "")) == (201, "application/json", {"id": "x"})


def test_a_problem_says_what_and_why() -> None:
    answer = problem(403, "Refused", "Because.", reason="step_up")
    assert answer.content_type == "application/problem+json"
    assert json.loads(answer.text or "") == {
        "type": "about:blank",
        "title": "Refused",
        "status": 403,
        "detail": "Because.",
        "reason": "step_up",
    }
    assert "reason" not in json.loads(problem(404, "No", "").text or "")
