"""The words of the local socket: each reads back as it was written."""

import msgspec
import pytest

from agent.consent import ConsentQuestion, wishes_for
from agent.local_messages import AnyRequest, AnySaid, ConsentAsked, Request, Said
from protocol.capabilities import Capability

QUESTION = ConsentQuestion("session", "Ana", "Example Ltd", 1, "why", wishes=wishes_for([Capability.CHAT]))


@pytest.mark.parametrize("kind", AnyRequest.__args__)
def test_every_request_has_its_word_and_refuses_what_it_does_not_know(kind: type[Request]) -> None:
    example = {"do": kind.__struct_config__.tag, "id": 5, "question": 1, "session": "s", "capability": "chat", "text": "x"}
    example |= {"stars": 5, "number": 7}
    known = {field.encode_name for field in msgspec.structs.fields(kind)} | {"do"}
    data = {key: value for key, value in {**example, "paused": True}.items() if key in known}
    request = msgspec.json.decode(msgspec.json.encode(data), type=AnyRequest)
    assert type(request) is kind
    assert msgspec.json.decode(msgspec.json.encode(request), type=AnyRequest) == request
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({**data, "unheard": 1}), type=AnyRequest)


def test_a_question_travels_whole() -> None:
    asked = ConsentAsked(7, QUESTION, 180.0)
    assert msgspec.json.decode(msgspec.json.encode(asked), type=AnySaid) == asked


def test_everything_said_has_a_word_of_its_own() -> None:
    kinds: tuple[type[Said], ...] = AnySaid.__args__
    assert len({kind.__struct_config__.tag for kind in kinds}) == len(kinds)
