"""`handrail-agent guest` without a person; with one it is in tests/integration/test_guests.py."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.desktop.texts import Texts
from agent.guest_cli import run_guest
from agent.terminal import NoTerminal
from hostio.errors import UnreadableFile
from protocol.documents import canonical_json
from protocol.seeds import Seed
from tests.kit.organisation import Organisation


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory below which the name of a socket fits into 107 bytes, which a test's own may not leave room for."""
    with tempfile.TemporaryDirectory(prefix="guest-") as directory:
        yield Path(directory)


def test_without_a_terminal_nobody_can_be_asked_and_nothing_stays(
    short: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    seed = short / "example.seed"
    seed.write_bytes(
        canonical_json(
            Seed(organisation_name="Example Ltd", root=Organisation().root, tuf_root=b"{}", relay="http://127.0.0.1:9")
        )
    )
    with pytest.raises(ExceptionGroup) as caught:
        run_guest(seed, "it is slow", {}, lambda: datetime.now(UTC), Texts("en"))
    assert caught.group_contains(NoTerminal)
    assert "Technicians of Example Ltd can help here" in capsys.readouterr().out
    assert [path.name for path in short.iterdir()] == ["example.seed"]


def test_without_a_seed_nothing_begins(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"missing\.seed cannot be read .*Give the path of the seed file"):
        run_guest(tmp_path / "missing.seed", "", {}, lambda: datetime.now(UTC), Texts("en"))
