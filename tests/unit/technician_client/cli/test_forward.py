"""`handrail forward`: its words. What it does is in tests/integration/test_forward_and_logs.py."""

from pathlib import Path

import pytest

from protocol.messages import Message
from protocol.messages.forward import ForwardAsk, ForwardRules
from technician_client.cli import forward
from technician_client.cli.app import App
from technician_client.cli.output import Output
from technician_client.forwarding import Forward, ForwardWish
from tests.kit.commands import handrail
from tests.kit.organisation import Organisation
from tests.kit.switchboard import SimulatedDevice, Switchboard, keys_of, running


def test_words_become_wishes_and_wrong_ones_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[object] = []

    async def forward_ports(_app: App, words: str, reason: str, wishes: tuple[ForwardWish, ...]) -> int:
        asked.append((words, reason, wishes))
        return 0

    monkeypatch.setattr(forward, "forward_ports", forward_ports)
    for ports, code in ((["5432", "8080:80"], 0), (["nonsense"], 1)):
        with pytest.raises(SystemExit) as left:
            forward.forward.main(["till-3", *ports], obj=App(tmp_path, Output()), standalone_mode=True)
        assert left.value.code == code
    assert asked == [("till-3", "", (ForwardWish(5432, "127.0.0.1", 5432), ForwardWish(8080, "127.0.0.1", 80)))]


def test_a_forward_as_a_document() -> None:
    document = forward.forward_document(Forward(ForwardWish(8080, "127.0.0.1", 80), 1))
    assert document["local"] == "127.0.0.1:8080"
    assert document["sent_bytes"] == 0


async def test_what_the_device_would_not_connect_to_is_said_before_anything_is_tried(tmp_path: Path) -> None:
    def rules(message: Message) -> list[Message]:
        return [ForwardRules(message.request, True, ["printer.example:631"])] if isinstance(message, ForwardAsk) else []

    organisation = Organisation()
    device = SimulatedDevice(organisation, "till-3", answers=rules)
    async with running(Switchboard(organisation, device)) as board:
        keys = keys_of(organisation, organisation.technician(), board.url)
        ran = await handrail(tmp_path, keys, "forward", "till-3", "0:printer.example:9100")
    said = " ".join(ran.err.split())
    assert ran.code == 5
    assert "does not let printer.example:9100 be reached through this device" in said
    assert "Beside the device itself it allows printer.example:631." in said
    assert "Nothing of it can be forwarded." in said
    assert "leads to" not in ran.out
    assert device.ended
