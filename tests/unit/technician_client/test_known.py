"""What certificates have told about devices."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hostio import private_files
from protocol.certificates import Identity, check_chain, check_guest
from protocol.errors import TrustError
from protocol.messages.diagnostics import DiagnosticsTable, Finding
from technician_client.known import Health, KnownDevice, KnownDevices, facts_of, health_of
from tests.kit.organisation import Credentials, Organisation
from tests.kit.waiting import eventually_async


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return Organisation()


def identity_of(organisation: Organisation, credentials: Credentials) -> Identity:
    return check_chain(
        credentials.chain, root_der=organisation.root, expected=credentials.role, purpose="session", wall=datetime.now(UTC)
    )


def test_what_was_seen_is_there_the_next_time(organisation: Organisation, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    till, desk = organisation.device("Till 1", "tills"), organisation.device("Desk", "office")
    known, beside = KnownDevices(path, wall=lambda: 100.0), KnownDevices(path, wall=lambda: 200.0)
    known.remember(identity_of(organisation, till))
    beside.remember(identity_of(organisation, desk))  # another command, that had read the file before
    again = KnownDevices(path)
    assert again.get(till.peer) == KnownDevice("Till 1", "tills", 100.0)
    assert again.get(desk.peer) == KnownDevice("Desk", "office", 200.0)
    assert again.get("nobody") is None
    assert again.groups() == {"tills", "office"}
    assert path.stat().st_mode & 0o077 == 0


def test_a_new_certificate_replaces_the_old_word(organisation: Organisation, tmp_path: Path) -> None:
    known = KnownDevices(tmp_path / "known.json")
    till = organisation.device("Till 1", "tills")
    known.remember(identity_of(organisation, till))
    known.remember(identity_of(organisation, organisation.device("Till 9", "museum", peer=till.peer)))
    met = KnownDevices(tmp_path / "known.json").get(till.peer)
    assert met is not None
    assert (met.label, met.group) == ("Till 9", "museum")


def test_what_does_not_change_is_not_written(organisation: Organisation, tmp_path: Path) -> None:
    known = KnownDevices(tmp_path / "known.json")
    identity = identity_of(organisation, organisation.device())
    known.remember(identity)
    (tmp_path / "known.json").unlink()
    known.remember(identity)
    assert not (tmp_path / "known.json").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a":{"label":1}}', b"\xff"])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "known.json").write_bytes(content)
    assert KnownDevices(tmp_path / "known.json").groups() == frozenset()


def test_a_technician_is_not_remembered_as_a_device(organisation: Organisation, tmp_path: Path) -> None:
    with pytest.raises(TrustError):
        KnownDevices(tmp_path / "known.json").remember(identity_of(organisation, organisation.technician()))


def test_nothing_is_noted_of_a_guest(organisation: Organisation, tmp_path: Path) -> None:
    guest = check_guest(organisation.guest().chain, organisation=organisation.id, wall=datetime.now(UTC))
    known = KnownDevices(tmp_path / "known.json")
    known.remember(guest)
    assert known.get(guest.peer) is None
    assert not (tmp_path / "known.json").exists()


def test_what_a_device_says_is_remembered_beside_its_certificate(organisation: Organisation, tmp_path: Path) -> None:
    till = organisation.device("Till 1", "tills")
    changes: list[tuple[str, KnownDevice]] = []
    known = KnownDevices(tmp_path / "known.json", wall=lambda: 50.0, on_change=lambda *change: changes.append(change))
    known.remember(identity_of(organisation, till))
    known.met(till.peer)
    disk = Finding("disk_full", "The disk is full", "critical", "", {})
    known.learn(till.peer, {"user": "maria", "asset_tag": "EX-7"}, [Finding("late", "Late", "notice", "", {}), disk])
    met = KnownDevices(tmp_path / "known.json").get(till.peer)
    assert met == KnownDevice("Till 1", "tills", 50.0, "maria", "EX-7", Health(1, 0, 1, "The disk is full", 50.0), 50.0)
    assert [peer for peer, _ in changes] == [till.peer] * 3
    known.remember(identity_of(organisation, organisation.device("Till 9", "museum", peer=till.peer)))
    again = known.everything()[till.peer]
    assert (again.label, again.group, again.user, again.health) == ("Till 9", "museum", "maria", met.health)


async def test_what_many_devices_say_is_written_together_off_the_loop(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, writers = tmp_path / "known.json", list[int]()
    till = organisation.device("Till 1", "tills")
    write = private_files.write_private

    def noted(*arguments: Any, **named: Any) -> None:
        writers.append(threading.get_ident())
        write(*arguments, **named)

    monkeypatch.setattr("technician_client.known.write_private", noted)
    heard: list[KnownDevice] = []
    known = KnownDevices(path, wall=lambda: 50.0, on_change=lambda _peer, device: heard.append(device))
    async with known.in_background():
        known.remember(identity_of(organisation, till))
        async with known.in_background():  # a run of fixes within the console
            for number in range(500):
                known.learn(till.peer, {"user": f"user {number}"}, [])
        assert known.everything()[till.peer].user == "user 499"
        await eventually_async(path.exists, "the first of it is written")
        KnownDevices(path, wall=lambda: 60.0).learn(till.peer, {"asset_tag": "by another command"})
        known.met(till.peer)
    assert len(heard) == 502
    assert KnownDevices(path).get(till.peer) == KnownDevice(
        "Till 1", "tills", 50.0, "user 499", "by another command", Health(checked=50.0), 50.0
    )
    assert len(writers) <= 4
    assert writers[0] != threading.get_ident()


async def test_what_could_not_be_written_is_tried_again(
    organisation: Organisation, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("technician_client.known.WRITE_SECONDS", 0.01)
    directory = tmp_path / "full"
    directory.write_text("a file where a directory should be")
    known = KnownDevices(directory / "known.json")
    one, two = organisation.device("Till 1", "tills"), organisation.device("Till 2", "tills")
    async with known.in_background():
        known.remember(identity_of(organisation, one))
        await eventually_async(lambda: "is not kept" in caplog.text, "it is logged")
        directory.unlink()
        known.remember(identity_of(organisation, two))
    assert set(KnownDevices(directory / "known.json").everything()) == {one.peer, two.peer}


def test_of_a_stranger_nothing_is_learned(tmp_path: Path) -> None:
    known = KnownDevices(tmp_path / "known.json")
    known.learn("nobody", {"user": "maria"}, [])
    known.met("nobody")
    assert dict(known.everything()) == {}
    assert not (tmp_path / "known.json").exists()


def test_facts_are_text_of_tables_that_are_there_and_bounded() -> None:
    users = DiagnosticsTable(0, "logged_in_users", "ok", 1, 1, [{"user": None}, {"user": " anna \n b "}, {"user": "later"}])
    assert facts_of(users) == {"user": "anna b"}
    assert facts_of(DiagnosticsTable(0, "logged_in_users", "failed", 1, 1, [{"user": "anna"}])) == {}
    assert facts_of(DiagnosticsTable(0, "system_info", "ok", 1, 1, [{"asset_tag": "x" * 5000}])) == {"asset_tag": "x" * 120}
    assert facts_of(DiagnosticsTable(0, "system_info", "ok", 1, 1, [])) == {}
    assert facts_of(DiagnosticsTable(0, "processes", "ok", 1, 1, [{"user": "root"}])) == {}


def test_health_without_findings_is_a_clean_bill() -> None:
    assert health_of([], 9.0) == Health(checked=9.0)
