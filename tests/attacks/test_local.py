"""Rows 36 and 37: a stolen computer, and another user of the same one. Real files, a real socket, a real other user."""

import json
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import msgspec
import pytest

from agent.enrolment import enrol, load_identity
from agent.errors import NotEnrolled
from agent.local import LocalConnection, LocalServer
from agent.local_messages import Request, Said
from protocol.certificates import PrivateKey
from protocol.errors import HandrailError, TrustError
from protocol.session import ConsentNeeded, SessionState
from technician_client.identity import save_keys
from technician_client.organisation.lists import revoke_key
from tests.kit.conversation import Conversation
from tests.kit.founded import Founded
from tests.kit.http_relay import http_relay
from tests.kit.organisation import Organisation

NOBODY = 65534
CLIENT = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect(sys.argv[1])
    try:
        connection.sendall(b'{"do":"consent.answer","id":1,"question":1,"granted":["control"],"yes":true}\\n')
    except BrokenPipeError:  # refused before it could speak: why is still there to read
        pass
    print(connection.recv(4096).decode())
except OSError as error:
    print(type(error).__name__)
"""


class Desk:
    """What stands behind the socket: notes every request that got through."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def request(self, connection: LocalConnection, request: Request) -> Said | None:
        self.requests.append(request)
        return None

    def gone(self, connection: LocalConnection) -> None:
        """Nothing."""


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user of this computer can enter."""
    directory = Path(tempfile.mkdtemp(prefix="handrail-local-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


async def other_user(socket: Path) -> str:
    """What another user of this computer gets out of the socket."""
    import asyncio

    def run() -> str:
        argv = [shutil.which("python3", path="/usr/bin:/usr/local/bin") or "python3", "-c", CLIENT, str(socket)]
        return subprocess.run(
            argv, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True, timeout=60, cwd="/"
        ).stdout

    return await asyncio.to_thread(run)


@pytest.mark.attack(37, without=["socket_modes"])
async def test_another_user_cannot_reach_the_socket(open_directory: Path) -> None:
    desk, path = Desk(), open_directory / "home" / "agent.sock"
    async with LocalServer(path, desk).serving():
        if os.getuid() == 0:
            assert await other_user(path) in ("PermissionError\n", "")
        mode, parent = path.stat().st_mode, path.parent.stat().st_mode
        assert (stat.S_IMODE(mode), stat.S_IMODE(parent)) == (0o600, 0o700)
    assert desk.requests == []


@pytest.mark.attack(37, without=["peer_credentials"])
async def test_another_user_who_reaches_it_is_not_heard(open_directory: Path) -> None:
    """Somebody opened the directory up; the kernel still says who is there."""
    desk, path = Desk(), open_directory / "home" / "agent.sock"
    as_other = {} if os.getuid() == 0 else {"credentials": lambda _: (1, NOBODY)}
    async with LocalServer(path, desk, **as_other).serving():
        path.parent.chmod(0o755)
        path.chmod(0o666)
        said = await other_user(path) if os.getuid() == 0 else "Only the user"
        assert "Only the user of this agent, or root" in said or os.getuid() != 0
    assert desk.requests == []


# -- files of the agent that another program has edited --------------------------------------------------------------------


@pytest.fixture
def enrolled(tmp_path: Path) -> Iterator[tuple[Founded, Path]]:
    """An organisation and the home of an enrolled device."""
    with http_relay() as relay:
        founded = Founded(tmp_path, relay=relay.url)
        founded.publish()
        issuer = founded.issuer()
        relay.answer = lambda document: issuer.answer(document, datetime.now(UTC))
        home = tmp_path / "agent"
        options = {"platform": "linux", "wall": lambda: datetime.now(UTC), "random_bytes": secrets.token_bytes}
        enrol(founded.device_bundle(), home, label="till 3", **options)  # type: ignore[arg-type]
        yield founded, home


@pytest.mark.attack(37, without=["private_modes"])
def test_an_identity_that_others_can_read_is_not_used(enrolled: tuple[Founded, Path]) -> None:
    _, home = enrolled
    (home / "identity" / "device.json").chmod(0o644)
    with pytest.raises(HandrailError, match="chmod 600"):
        load_identity(home)


@pytest.mark.attack(37)
def test_an_identity_with_another_root_is_not_used(enrolled: tuple[Founded, Path]) -> None:
    """Whoever can write there replaces the pinned root by its own."""
    _, home = enrolled
    path = home / "identity" / "device.json"
    document = json.loads(path.read_text())
    document["root"] = msgspec.json.decode(msgspec.json.encode(Organisation().root))
    path.write_text(json.dumps(document))
    with pytest.raises(TrustError, match="damaged"):
        load_identity(home)


@pytest.mark.attack(37, without=["kept_files"])
@pytest.mark.parametrize(("old", "new"), [(b'"tier":1', b'"tier":3'), (b"Example Ltd", b"Example Inc")])
def test_signed_files_that_were_edited_on_the_disk_are_dropped(tmp_path: Path, old: bytes, new: bytes) -> None:
    founded = Founded(tmp_path)
    founded.admit("Bo Li", 1, PrivateKey.generate())
    founded.publish()
    founded.trust(tmp_path / "agent").refresh_blocking(founded.wall)
    kept = tmp_path / "agent" / "verified.msgpack"
    assert old in kept.read_bytes()
    kept.write_bytes(kept.read_bytes().replace(old, new))
    again = founded.trust(tmp_path / "agent")
    assert again.technicians() is None
    assert again.policy() is None


@pytest.mark.attack(37)
def test_settings_can_neither_consent_nor_weaken_a_check(tmp_path: Path) -> None:
    """Whoever edits agent.toml finds nothing there to edit."""
    from agent.settings import AgentSettings, SettingsError, load_settings

    names = {field.name for field in msgspec.structs.fields(AgentSettings)}
    for section in names - {"home"}:
        kind = type(getattr(AgentSettings(home=tmp_path), section))
        names |= {field.name for field in msgspec.structs.fields(kind)}
    forbidden = ("consent", "allow", "grant_all", "verify", "insecure", "unattended", "root", "tier", "policy", "trusted")
    assert not [name for name in names for word in forbidden if word in name]
    (tmp_path / "agent.toml").write_text("[session]\nconsent = false\n")
    with pytest.raises(SettingsError):
        load_settings(tmp_path, {})


# -- row 36: the stolen laptop -----------------------------------------------------------------------------------------


@pytest.mark.attack(36, without=["encrypted_keys"])
def test_a_technicians_keys_on_a_stolen_disk_are_of_no_use(tmp_path: Path) -> None:
    session, login = PrivateKey.generate(), PrivateKey.generate()
    with mock.patch("protocol.keys._LOG_N", 10):
        save_keys(tmp_path / "identity", session, login, b"correct horse battery")
    for path in (tmp_path / "identity").iterdir():
        data = path.read_bytes()
        for guess in (None, b"wrong", b"x" * 1000, b"correct horse batterY"):
            with pytest.raises(TrustError):
                PrivateKey.from_pem(data, guess)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.attack(36, without=["encrypted_keys"])
def test_an_organisations_vault_on_a_stolen_disk_is_of_no_use(tmp_path: Path) -> None:
    from technician_client.organisation.vault import KeyDirectory

    with mock.patch("protocol.keys._LOG_N", 10):
        KeyDirectory(tmp_path / "vault", b"correct horse battery").create("root", "P-384")
    for path in (tmp_path / "vault").rglob("*"):
        if path.is_file() and b"PRIVATE" in path.read_bytes():
            with pytest.raises(TrustError):
                PrivateKey.from_pem(path.read_bytes(), b"wrong")
            with pytest.raises(TrustError):
                PrivateKey.from_pem(path.read_bytes())


@pytest.mark.attack(36, without=["certificate_dates"])
def test_twelve_hours_later_the_thief_has_nothing_even_with_the_key() -> None:
    """The laptop was unlocked when it was taken."""
    organisation = Organisation()
    person = organisation.technician(hours=12)
    organisation.wall += timedelta(hours=12, minutes=20)
    talk = Conversation(organisation, technician=person).run()
    assert not any(isinstance(event, ConsentNeeded) for event in talk.agent_events)
    assert talk.agent.state is SessionState.ENDED


@pytest.mark.attack(36, without=["revocation"])
def test_a_revoked_key_is_out_before_its_certificate_is(tmp_path: Path) -> None:
    founded = Founded(tmp_path)
    key = PrivateKey.generate()
    founded.admit("Ana Ruiz", 3, key)
    revoke_key(founded.spool, [key.public.fingerprint.hex()], founded.signers("revocation"), founded.wall)
    founded.publish()
    trust = founded.trust(tmp_path / "agent")
    trust.refresh_blocking(founded.wall)
    revoked = trust.revocation()
    assert revoked is not None
    assert revoked.refuses(key.public.fingerprint, founded.wall.timestamp())


@pytest.mark.attack(36)
def test_a_stolen_device_that_was_revoked_is_not_renewed(enrolled: tuple[Founded, Path]) -> None:
    from agent.enrolment import renew

    founded, home = enrolled
    identity = load_identity(home)
    options = {"platform": "linux", "wall": lambda: datetime.now(UTC), "random_bytes": secrets.token_bytes}
    assert renew(identity, home, wait_seconds=60, **options).peer == identity.peer  # type: ignore[arg-type]
    revoke_key(founded.spool, [identity.key.public.fingerprint.hex()], founded.signers("revocation"), founded.wall)
    founded.publish(founded.after(minutes=1))
    with pytest.raises(HandrailError, match="revoked"):
        renew(load_identity(home), home, wait_seconds=60, **options)  # type: ignore[arg-type]


@pytest.mark.attack(36)
def test_a_computer_that_was_never_enrolled_has_nothing_to_steal(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled):
        load_identity(tmp_path)
