"""Findings of this machine, the fixes that come with Handrail, and the proof: seeded, found, mended, gone."""

import dataclasses
import hashlib
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from agent.diagnostics.collect import Collector
from agent.diagnostics.findings import evaluate
from agent.diagnostics.probe import Environment
from agent.diagnostics.probes import all_probes
from agent.diagnostics.rules import RULES, load, storage
from agent.features.fixes import FixesFeature
from agent.trusted_state import VerifiedScript
from protocol.manifests import bind_parameters
from protocol.messages.diagnostics import Finding
from protocol.messages.fixes import FixResult, FixRun
from technician_client.organisation.approvals import starter_fixes
from tests.kit.feature_context import RecordingContext, ScriptShelf
from tests.kit.unhurried import let_probes_take_their_time
from tests.kit.waiting import eventually_async

SCRIPTS = {script.manifest.id: script for script in starter_fixes()}


def verified(identifier: str, directory: Path) -> VerifiedScript:
    """A starter fix as the agent has it once it is approved."""
    objects = directory / "objects"
    objects.mkdir(exist_ok=True)
    for data in SCRIPTS[identifier].files.values():
        (objects / hashlib.sha256(data).hexdigest()).write_bytes(data)
    return VerifiedScript(SCRIPTS[identifier].manifest, objects, "ab" * 32)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    let_probes_take_their_time(monkeypatch)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


async def find(identifier: str, home: Path) -> Finding:
    tables = next(rule.needs for rule in RULES if rule.id == identifier)
    results = await Collector(all_probes()).collect(Environment(wall=time.time, home=home), tables)
    return next(finding for finding in evaluate(results, RULES) if finding.id == identifier)


async def mend(finding: Finding, home: Path) -> FixResult:
    """Run what the finding names with the parameters it gives, as a technician's click would."""
    context = RecordingContext(home, answer=True)
    context.trust = ScriptShelf([verified(finding.fix, home)])
    feature = FixesFeature(context)
    parameters = finding.fix_parameters
    await feature.handle(FixRun(request=1, id=finding.fix, parameters=parameters, finding=finding.id, digest="ab" * 32))
    result = await context.next(FixResult)
    await context.close(feature)
    return result


def test_every_fix_that_a_rule_names_comes_with_handrail_and_answers_it() -> None:
    for rule in RULES:
        if rule.fix:
            assert rule.id in SCRIPTS[rule.fix].manifest.answers
    assert {rule.fix for rule in RULES} - {""} == SCRIPTS.keys()


@pytest.mark.parametrize(
    ("fix", "parameters"),
    [
        ("free-disk-space", {"days": 7}),
        ("restart-service", {"unit": "user@1000.service"}),
        ("end-process", {"pid": 77, "name": "a b"}),
    ],
)
def test_parameters_that_rules_give_fit(fix: str, parameters: dict[str, str | int | bool]) -> None:
    assert bind_parameters(SCRIPTS[fix].manifest, parameters).keys() >= parameters.keys()


async def test_ssh_permissions(home: Path) -> None:
    ssh = home / ".ssh"
    ssh.mkdir(mode=0o700)
    key = ssh / "id_ed25519"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n")
    key.chmod(0o644)
    result = await mend(await find("ssh_permissions_loose", home), home)
    assert (result.outcome, len(result.before), result.after) == ("fixed", 1, []), result.text
    assert key.stat().st_mode & 0o777 == 0o600


async def test_trash(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "TRASH_BYTES", 100_000)
    files, info = home / ".local/share/Trash/files", home / ".local/share/Trash/info"
    files.mkdir(parents=True)
    info.mkdir()
    (files / "film").write_bytes(os.urandom(200_000))
    (info / "film.trashinfo").write_text("[Trash Info]\nPath=/film\n")
    result = await mend(await find("trash_large", home), home)
    assert (result.outcome, len(result.before), result.after) == ("fixed", 1, []), result.text
    assert list(files.iterdir()) == [] and list(info.iterdir()) == []


async def test_runaway_process(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only ever our own spinner, by a name that nothing else on this machine has."""
    monkeypatch.setattr(load, "RUNAWAY_SECONDS", 0.1)
    monkeypatch.setattr(load, "RUNAWAY_PERCENT", 5.0)
    name = f"spin{secrets.token_hex(5)}"
    shutil.copy("/bin/sh", home / name)
    with subprocess.Popen([home / name, "-c", "while :; do :; done"], start_new_session=True) as spinner:
        try:
            await eventually_async(lambda: psutil.Process(spinner.pid).cpu_times().user > 0.15, "some work done")
            (result,) = await Collector(all_probes()).collect(Environment(wall=time.time, home=home), ["processes"])
            rows = tuple({**row, "agent": False} for row in result.rows if row["name"] == name)
            (finding,) = evaluate([dataclasses.replace(result, rows=rows)], RULES)
            assert finding.fix_parameters == {"pid": spinner.pid, "name": name}
            # It is a child of the tests, so the agent's own look leaves it out: the script's own proof counts here.
            outcome = await mend(finding, home)
            assert outcome.outcome == "fixed", outcome.text
            assert spinner.wait(60) == -15
        finally:
            spinner.kill()
