"""`handrail screenshot`: which file it writes."""

from pathlib import Path
from typing import Any

import pytest

from technician_client.cli import screenshot as module
from technician_client.cli.app import App
from tests.kit.commands import handrail
from tests.kit.organisation import Organisation
from tests.kit.switchboard import keys_of


@pytest.mark.parametrize(
    ("arguments", "words", "file"),
    [
        (["till-3"], "till-3", "till-3.png"),
        (["482", "913", "507"], "482 913 507", "482-913-507.png"),
        (["../x"], "../x", "x.png"),
        (["till-3", "-o", "before.png"], "till-3", "before.png"),
    ],
)
async def test_the_file_is_the_one_that_is_named_or_the_devices(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], words: str, file: str
) -> None:
    taken: list[Any] = []

    async def take(_app: App, said: str, reason: str, path: Path) -> None:
        taken.append((said, reason, path))

    monkeypatch.setattr(module, "take_screenshot", take)
    organisation = Organisation()
    keys = keys_of(organisation, organisation.technician(), "https://relay.example")
    assert (await handrail(tmp_path, keys, "screenshot", *arguments, "--reason", "ticket")).code == 0
    assert taken == [(words, "ticket", Path(file))]
