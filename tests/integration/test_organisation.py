"""An organisation over a real relay: founded, registered, served by its signer; devices and technicians come, decisions
arrive, and the relay's restarts lose nothing. Every part is the real command in a process of its own."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.enrolment import load_identity
from agent.trust import TrustStore
from hostio.relay_http import RelayHttp
from hostio.signed_repository import RelayMirror
from protocol.errors import HandrailError
from technician_client.identity import unlock
from tests.kit.processes import Process, command, run
from tests.kit.relays import RelayProcess, relay_process
from tests.kit.waiting import eventually

ENVIRONMENT = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "NO_COLOR": "1"}


class Site:
    """One organisation's computers: the administrator's (with the signer), devices, technicians."""

    def __init__(self, directory: Path, relay: RelayProcess) -> None:
        self.directory = directory
        self.relay = relay
        self.home = directory / "admin"
        self.passphrase = directory / "passphrase"
        self.passphrase.touch(mode=0o600)
        self.home.mkdir()
        (self.home / "technician.toml").write_text("retry_most_seconds = 1.0\n")
        self.passphrase.write_text("correct horse battery\n")
        self.signer: Process | None = None

    def handrail(self, *arguments: str, home: Path | None = None, code: int = 0) -> str:
        argv = [command("handrail"), "--home", str(home or self.home), *arguments]
        ran = run(argv, env=ENVIRONMENT, check=False)
        assert ran.returncode == code, (arguments, ran.returncode, ran.stdout, ran.stderr)
        return ran.stdout + ran.stderr

    def org(self, *arguments: str, code: int = 0) -> str:
        return self.handrail("org", *arguments, "--passphrase-file", str(self.passphrase), code=code)

    def start_signer(self) -> Process:
        argv = [command("handrail"), "--home", str(self.home), "signer", "--passphrase-file", str(self.passphrase)]
        self.signer = Process(argv, self.directory / "signer.log", env=ENVIRONMENT)
        self.signer.wait_for("up to date")
        return self.signer

    def enrol(self, name: str, bundle: Path, *, code: int = 0) -> str:
        argv = [command("handrail-agent"), "--home", str(self.directory / name), "enrol", str(bundle), "--label", name]
        ran = run(argv, env=ENVIRONMENT, check=False)
        assert ran.returncode == code, (ran.returncode, ran.stdout, ran.stderr)
        return ran.stdout + ran.stderr

    def trust(self, name: str) -> TrustStore:
        """The trust store of an enrolled device, over the relay's own mirror."""
        device = load_identity(self.directory / name)
        mirror = RelayMirror(RelayHttp(device.relay, device.relay_spki), device.organisation)
        return TrustStore(self.directory / name / "trust", device.tuf_root, mirror)


def refreshed(trust: TrustStore) -> TrustStore:
    try:
        trust.refresh_blocking(datetime.now(UTC))
    except HandrailError as error:
        raise AssertionError(str(error)) from error
    return trust


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with relay_process(tmp_path) as relay:
        site = Site(tmp_path, relay)
        try:
            yield site
        finally:
            if site.signer is not None:
                site.signer.stop()


def test_step_by_step_from_nothing_to_a_revoked_technician(site: Site, tmp_path: Path) -> None:
    site.org("init", "Example Ltd", "--thresholds", "1")
    site.handrail("org", "register", "--relay", site.relay.url, "--token", site.relay.token, "--pin", site.relay.spki)
    site.start_signer()

    bundle = tmp_path / "kiosk.handrail"
    site.handrail("org", "enrolment", "--group", "kiosk", "--uses", "1", "--out", str(bundle))
    site.enrol("till-3", bundle)
    assert "used up" in site.enrol("till-4", bundle, code=5)
    trust = refreshed(site.trust("till-3"))
    assert trust.scripts() == [] and trust.policy_version == 1

    site.org("approve", "--starter", "empty-trash", "--yes")
    eventually(lambda: refreshed(trust).script("empty-trash"), "the approved script arrives")

    invitation = tmp_path / "bo.handrail"
    site.org("technician", "Bo Li", "--tier", "2", "--out", str(invitation))
    bo_home = tmp_path / "bo"
    site.handrail("join", str(invitation), "--passphrase-file", str(site.passphrase), home=bo_home)
    bo = unlock(bo_home / "identity")
    assert trust.technicians() is not None and refreshed(trust).technicians().find(bo.fingerprint) is None  # type: ignore[union-attr]
    site.org("technician", "Bo Li", "--yes")
    eventually(lambda: refreshed(trust).technicians().find(bo.fingerprint), "Bo stands on the list")  # type: ignore[union-attr]

    site.org("revoke", "--technician", "Bo Li")
    eventually(lambda: refreshed(trust).revocation().refuses(bo.fingerprint, 1e12), "Bo is revoked")  # type: ignore[union-attr]
    eventually(lambda: refreshed(trust).technicians().find(bo.fingerprint) is None, "Bo is off the list")  # type: ignore[union-attr]
    shown = json.loads(site.handrail("org", "show", "--json"))
    assert [device["label"] for device in shown["devices"]] == ["till-3"] and shown["technicians"] == []


def test_an_organisation_of_one_in_one_command(site: Site, tmp_path: Path) -> None:
    bundle = tmp_path / "mine.handrail"
    arguments = ["quickstart", "--relay", site.relay.url, "--token", site.relay.token, "--passphrase-file", str(site.passphrase)]
    said = site.handrail(*arguments, "--technician", "Ana Ruiz", "--out", str(bundle))
    assert "handrail org init" in said and f"handrail-agent enrol {bundle}" in said
    site.start_signer()
    site.enrol("laptop", bundle)
    trust = refreshed(site.trust("laptop"))
    ana = unlock(site.home / "identity")
    entry = trust.technicians().find(ana.fingerprint)  # type: ignore[union-attr]
    assert entry is not None and (entry.name, entry.tier) == ("Ana Ruiz", 3)
    assert len(trust.scripts()) >= 6
    assert "laptop" in site.handrail("org", "show")


def test_a_relay_that_lost_its_database_is_filled_again(site: Site, tmp_path: Path) -> None:
    site.org("init", "Example Ltd", "--thresholds", "1")
    site.handrail("org", "register", "--relay", site.relay.url, "--token", site.relay.token, "--pin", site.relay.spki)
    signer = site.start_signer()
    site.relay.process.stop()
    signer.wait_for("No link")
    (tmp_path / "relay" / "relay.sqlite").unlink()
    for leftover in (tmp_path / "relay").glob("relay.sqlite-*"):
        leftover.unlink()
    path = str(site.relay.config_path)
    token = json.loads(run([command("handrail-relay"), "token", "--config", path, "--json"]).stdout)["token"]
    again = Process([command("handrail-relay"), "serve", "--config", path], tmp_path / "relay2.log")
    try:
        again.wait_for("listening")
        site.handrail("org", "register", "--relay", site.relay.url, "--token", token, "--pin", site.relay.spki)
        eventually(lambda: signer.output.count("up to date") >= 2, "everything is uploaded again", seconds=60)
        bundle = tmp_path / "x.handrail"
        site.handrail("org", "enrolment", "--out", str(bundle))
        site.enrol("till-3", bundle)
        assert refreshed(site.trust("till-3")).policy() is not None
    finally:
        again.stop()
