"""What survives one restart: only with a yes, only for the same keys, once, and not for long."""

import stat
from pathlib import Path

import msgspec
import pytest

from agent.features.base import Feature
from agent.features.chat import ChatFeature
from agent.policy import SessionKind
from agent.restarting import MOST_FILES, RestartGrant, RestartGrants
from protocol.capabilities import Capability
from protocol.session import Opened
from tests.kit.assisted import Assistance
from tests.kit.waiting import eventually_async

FEATURES: tuple[type[Feature], ...] = (ChatFeature,)
CHAT = Capability.CHAT
GRANT = RestartGrant(
    session="abc123",
    technician_key="11" * 32,
    own_key="22" * 32,
    name="Ana Ruiz",
    tier=2,
    kind=SessionKind.ATTENDED,
    granted=[CHAT],
    paused=False,
    asked_for="the printer",
    opened_at=1000.0,
    granted_until=9000.0,
    window=900.0,
    alive_at=2000.0,
    boot="first",
)


def grants(directory: Path, boot: str = "second", wall: float = 2100.0) -> RestartGrants:
    return RestartGrants(directory / "restart", boot=boot, wall=lambda: wall)


def test_it_counts_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    grants(tmp_path, "first").keep(GRANT)
    (file,) = (tmp_path / "restart").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert grants(tmp_path).take() == [GRANT]
    assert not file.exists()
    assert grants(tmp_path, "third").take() == []


@pytest.mark.parametrize(
    ("boot", "wall", "lives"),
    [
        ("second", 2100.0, True),
        ("second", 2899.0, True),
        ("second", 1890.0, True),  # the clock is a little off after a start
        ("first", 2100.0, False),  # only the agent was restarted
        ("second", 2900.0, False),
        ("second", 1000.0, False),  # a clock that was set back wins nothing
    ],
)
def test_when_it_counts(tmp_path: Path, boot: str, wall: float, lives: bool) -> None:
    grants(tmp_path, "first").keep(GRANT)
    assert bool(grants(tmp_path, boot, wall).take()) is lives
    assert list((tmp_path / "restart").iterdir()) == []


def test_it_never_outlasts_the_grant_itself(tmp_path: Path) -> None:
    grants(tmp_path, "first").keep(msgspec.structs.replace(GRANT, granted_until=2050.0))
    assert grants(tmp_path).take() == []


@pytest.mark.parametrize(
    "change",
    [
        {"window": 3601.0},
        {"window": 0.0},
        {"granted": []},
        {"technician_key": "11"},
        {"session": "../x"},
        {"boot": ""},
        {"more": 1},
    ],
)
def test_a_file_that_was_edited_past_the_rules_does_not_count(tmp_path: Path, change: dict[str, object]) -> None:
    kept = grants(tmp_path, "first")
    kept.keep(GRANT)
    (file,) = (tmp_path / "restart").iterdir()
    file.write_bytes(msgspec.json.encode(msgspec.to_builtins(GRANT) | change))
    assert grants(tmp_path).take() == []
    assert not file.exists()


def test_a_file_that_others_can_read_does_not_count(tmp_path: Path) -> None:
    grants(tmp_path, "first").keep(GRANT)
    (file,) = (tmp_path / "restart").iterdir()
    file.chmod(0o644)
    assert grants(tmp_path).take() == []
    assert not file.exists()


def test_a_file_that_cannot_be_deleted_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grants(tmp_path, "first").keep(GRANT)

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(Path, "unlink", refuse)
    assert grants(tmp_path).take() == []


def test_forgetting_and_freezing(tmp_path: Path) -> None:
    one = grants(tmp_path, "first")
    assert one.keep(GRANT)
    one.forget("abc123")
    one.forget("abc123")
    assert one.take() == []
    one.keep(GRANT)
    one.frozen = True
    one.forget("abc123")
    assert one.keep(msgspec.structs.replace(GRANT, window=1.0))
    assert grants(tmp_path).take() == [GRANT]


def test_a_disk_that_takes_nothing_costs_only_this(tmp_path: Path) -> None:
    (tmp_path / "restart").write_text("in the way")
    assert not grants(tmp_path, "first").keep(GRANT)
    assert grants(tmp_path).take() == []


def test_the_number_of_files_is_bounded(tmp_path: Path) -> None:
    one = grants(tmp_path, "first")
    for number in range(MOST_FILES + 3):
        one.keep(msgspec.structs.replace(GRANT, session=f"{number:04x}"))
    assert len(grants(tmp_path).take()) == MOST_FILES
    assert list((tmp_path / "restart").iterdir()) == []


# -- in a session ------------------------------------------------------------------------------------------------------


def files(one: Assistance) -> list[RestartGrant]:
    return [msgspec.json.decode(path.read_bytes(), type=RestartGrant) for path in sorted(one.settings.restart.glob("*.json"))]


async def test_it_is_written_only_with_an_explicit_yes_and_goes_with_the_session(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, wanted=(CHAT,), resume_seconds=60, after_restart=900.0, boot="first") as one:
        person = one.sit_down()
        number, question = await person.question()
        assert question.after_restart == 900.0
        assert one.broker.answer(number, granted=frozenset({CHAT}), after_restart=True)
        assert (await one.event(Opened)).welcome.after_restart == 900.0
        (kept,) = files(one)
        assert (kept.session, kept.granted, kept.window, kept.boot) == (one.session.id, [CHAT], 900.0, "first")
        assert kept.technician_key == one.person.key.public.fingerprint.hex()
        assert kept.own_key == one.device.key.public.fingerprint.hex()
        one.session.end("ended by the person at this computer")
        ended = await one.ended()
        assert ended.resume_seconds == 0
        assert files(one) == []


@pytest.mark.parametrize("case", ["said no", "did not ask", "boot unknown"])
async def test_without_the_yes_nothing_is_written(tmp_path: Path, case: str) -> None:
    asked, boot = 0.0 if case == "did not ask" else 900.0, "" if case == "boot unknown" else "first"
    async with Assistance(tmp_path, FEATURES, wanted=(CHAT,), after_restart=asked, boot=boot) as one:
        person = one.sit_down()
        number, question = await person.question()
        assert (question.after_restart > 0) is (case == "said no")
        one.broker.answer(number, granted=frozenset({CHAT}), after_restart=case != "said no")
        assert (await one.event(Opened)).welcome.after_restart == 0
        assert files(one) == []


async def test_it_follows_what_is_granted_and_survives_a_cut_but_not_a_stop(tmp_path: Path) -> None:
    async with Assistance(tmp_path, FEATURES, wanted=(CHAT,), resume_seconds=60, after_restart=900.0, boot="first") as one:
        person = one.sit_down()
        number, _ = await person.question()
        one.broker.answer(number, granted=frozenset({CHAT}), after_restart=True)
        name = (await one.event(Opened)).welcome.session_id
        await one.cut()
        assert len(files(one)) == 1
        one.reconnect(name)
        assert (await one.event(Opened)).welcome.after_restart == 900.0
        one.session.revoke(CHAT, "user")
        await eventually_async(lambda: files(one) == [], "nothing is left to survive")
