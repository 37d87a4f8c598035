"""The fix scripts that come with Handrail, run for real where that is harmless, and against recorded programs where it is not."""

import importlib.util
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from protocol.errors import Refused
from protocol.manifests import bind_parameters, render_argv
from technician_client.organisation.approvals import STARTER_FIXES, starter_fixes

SCRIPTS = {script.manifest.id: script for script in starter_fixes()}
OLD = time.time() - 30 * 86400
AGREED = {
    "disk_space_low": "free-disk-space",
    "trash_large": "empty-trash",
    "service_failed": "restart-service",
    "time_not_synchronised": "synchronise-time",
    "journal_large": "vacuum-journal",
    "packages_broken": "repair-packages",
    "ssh_permissions_loose": "repair-ssh-permissions",
    "runaway_process": "end-process",
    "dns_unreachable": "flush-dns",
    "updates_pending": "install-updates",
}


class Running:
    """One script with its own home, working directory and search path."""

    def __init__(self, identifier: str, directory: Path) -> None:
        self.script = SCRIPTS[identifier]
        self.home = directory / "home"
        self.work = directory / "work"
        self.bin = directory / "bin"
        for path in (self.home, self.work, self.bin):
            path.mkdir()
        self.path = f"{self.bin}:/usr/bin:/bin"

    def program(self, name: str, code: str) -> None:
        """A recorded program on the search path; its calls are noted in calls.txt."""
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.work}/calls.txt"\n{code}\n')
        path.chmod(0o755)

    @property
    def calls(self) -> str:
        path = self.work / "calls.txt"
        return path.read_text() if path.exists() else ""

    def __call__(self, step: str, **parameters: str | int | bool) -> int:
        """Run a step as the agent would; its exit code."""
        manifest = self.script.manifest
        wanted = getattr(manifest, step)
        files = {file.name: str(STARTER_FIXES / manifest.id / file.name) for file in manifest.files}
        argv = render_argv(wanted, bind_parameters(manifest, parameters), files)
        environment = {"PATH": self.path, "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        return subprocess.run(argv, cwd=self.work, env=environment, timeout=30, check=False, capture_output=True).returncode


@pytest.fixture
def running(tmp_path: Path) -> Callable[[str], Running]:
    return lambda identifier: Running(identifier, tmp_path)


def load(identifier: str) -> ModuleType:
    path = STARTER_FIXES / identifier / "fix.py"
    spec = importlib.util.spec_from_file_location(identifier.replace("-", "_"), path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def touch(path: Path, when: float, size: int = 2 * 1024 * 1024) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (when, when))
    return path


def test_every_agreed_finding_has_its_fix() -> None:
    answers = {finding: script.manifest.id for script in SCRIPTS.values() for finding in script.manifest.answers}
    assert answers == AGREED


def test_each_says_what_it_does_and_begins_with_an_interpreter_that_reads_nothing_of_the_users() -> None:
    for script in SCRIPTS.values():
        manifest = script.manifest
        assert manifest.effects and manifest.title and manifest.description and manifest.detect and manifest.verify
        for step in manifest.steps():
            assert step.argv[:2] == ["/usr/bin/python3", "-I"]
    assert sum(script.manifest.run_as == "user" for script in SCRIPTS.values()) >= 3


def test_free_disk_space_removes_what_is_old_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("free-disk-space")
    cache, outside = tmp_path / "cache", touch(tmp_path / "outside" / "letter", OLD)
    old, new = touch(cache / "app" / "old", OLD), touch(cache / "app" / "new", time.time())
    (cache / "link").symlink_to(outside)
    (cache / "directory").symlink_to(outside.parent, target_is_directory=True)
    os.mkfifo(cache / "fifo")
    monkeypatch.setattr(module, "places", lambda: [cache, tmp_path / "missing"])
    assert module.main(["detect", "7"]) == 0
    assert module.main(["verify", "7"]) == 2
    assert module.main(["run", "7"]) == 0
    assert not old.exists() and new.exists() and outside.exists() and (cache / "fifo").exists()
    assert module.main(["verify", "7"]) == 0 and module.main(["detect", "7"]) == 1


def test_free_disk_space_looks_where_programs_keep_their_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert load("free-disk-space").places() == [Path("/home/ana/.cache"), Path("/tmp"), Path("/var/tmp")]


def test_empty_trash(running: Callable[[str], Running]) -> None:
    fix = running("empty-trash")
    assert fix("detect") == 1
    trash = fix.home / ".local/share/Trash"
    touch(trash / "files" / "letter.txt", OLD)
    touch(trash / "files" / "photos" / "a.jpg", OLD)
    touch(trash / "info" / "letter.txt.trashinfo", OLD, 10)
    touch(trash / "info" / "photos.trashinfo", time.time(), 10)
    touch(trash / "info" / "lost.trashinfo", OLD, 10)
    keep = touch(fix.home / "keep.txt", OLD)
    (trash / "files" / "link").symlink_to(keep)
    assert fix("detect") == 0 and fix("verify") == 2
    assert fix("run", older_than_days=7) == 0
    assert not (trash / "files" / "letter.txt").exists() and (trash / "files" / "photos").exists()
    assert fix("run") == 0 and fix("verify") == 0 and fix("detect") == 1
    assert keep.exists() and list((trash / "files").iterdir()) == list((trash / "info").iterdir()) == []


def test_repair_ssh_permissions_and_take_it_back(running: Callable[[str], Running]) -> None:
    fix = running("repair-ssh-permissions")
    assert fix("detect") == 1
    ssh = fix.home / ".ssh"
    ssh.mkdir(mode=0o777)
    ssh.chmod(0o777)
    key = ssh / "work"
    key.write_bytes(b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
    key.chmod(0o644)
    public = ssh / "work.pub"
    public.write_bytes(b"ssh-ed25519 AAAA")
    public.chmod(0o644)
    config = ssh / "config"
    config.write_text("Host *\n")
    config.chmod(0o666)

    def modes() -> list[int]:
        return [stat.S_IMODE(path.stat().st_mode) for path in (ssh, key, public, config)]

    assert fix("detect") == 0 and fix("verify") == 2
    assert fix("run") == 0
    assert modes() == [0o700, 0o600, 0o644, 0o600]
    assert fix("verify") == 0 and fix("detect") == 1
    assert fix("undo") == 0
    assert modes() == [0o777, 0o644, 0o644, 0o666]


def test_end_process_ends_the_named_process_only(running: Callable[[str], Running]) -> None:
    fix = running("end-process")
    child = subprocess.Popen(["/bin/sleep", "60"])
    try:
        assert fix("detect", pid=child.pid, name="sleep") == 0
        assert fix("detect", pid=child.pid, name="other") == 1
        assert fix("run", pid=child.pid, name="other") == 2
        assert child.poll() is None
        assert fix("run", pid=child.pid, name="sleep") == 0
        assert child.wait(60) == -signal.SIGTERM
        assert fix("verify", pid=child.pid, name="sleep") == 0
        assert fix("run", pid=child.pid, name="sleep") == 0
    finally:
        child.kill()
        child.wait()


def test_end_process_does_not_wait_for_the_polite(running: Callable[[str], Running], monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("end-process")
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    code = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        child.stdout.readline()
        name = Path(f"/proc/{child.pid}/comm").read_text().strip()
        assert module.main(["run", str(child.pid), name]) == 0
        assert child.wait(60) == -signal.SIGKILL
        assert module.main(["run", str(os.getpid()), "pytest"]) == 2
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


SYSTEMCTL = """
state=$(cat "$0.state")
case "$1 $3" in
  "show LoadState") echo loaded;;
  "show ActiveState") echo "$state";;
  "show Type") echo simple;;
  "show Result") echo exit-code;;
  "restart "*) cp "$0.after" "$0.state";;
esac
"""


@pytest.mark.parametrize(("after", "verdict"), [("active", 0), ("failed", 2)])
def test_restart_service(running: Callable[[str], Running], after: str, verdict: int) -> None:
    fix = running("restart-service")
    fix.program("systemctl", SYSTEMCTL)
    (fix.bin / "systemctl.state").write_text("failed\n")
    (fix.bin / "systemctl.after").write_text(f"{after}\n")
    assert fix("detect", unit="cups.service") == 0
    assert fix("run", unit="cups.service") == 0
    assert "systemctl reset-failed -- cups.service" in fix.calls and "systemctl restart -- cups.service" in fix.calls
    assert fix("verify", unit="cups.service") == verdict
    assert fix("detect", unit="cups.service") == (1 if after == "active" else 0)


def test_vacuum_journal(running: Callable[[str], Running]) -> None:
    fix = running("vacuum-journal")
    fix.program(
        "journalctl",
        'case "$1" in --disk-usage) echo "Archived and active journals take up $(cat "$0.size") in the file system.";; '
        '--vacuum-size=*) echo 200.0M > "$0.size";; esac',
    )
    (fix.bin / "journalctl.size").write_text("3.1G\n")
    assert fix("detect") == 0 and fix("verify") == 2
    assert fix("run") == 0
    assert "journalctl --rotate" in fix.calls and "journalctl --vacuum-size=500M" in fix.calls
    assert fix("verify") == 0 and fix("detect") == 1
    fix.program("journalctl", "echo nothing")
    assert fix("detect") == 2


def test_synchronise_time_and_take_it_back(running: Callable[[str], Running]) -> None:
    fix = running("synchronise-time")
    fix.program("systemctl", "exit 0")
    fix.program(
        "timedatectl",
        'case "$1 $3" in "show NTPSynchronized") cat "$0.synchronised";; "show NTP") echo no;; '
        '"set-ntp "*) echo yes > "$0.synchronised";; esac',
    )
    (fix.bin / "timedatectl.synchronised").write_text("no\n")
    assert fix("detect") == 0
    assert fix("run") == 0 and fix("verify") == 0 and fix("detect") == 1
    assert fix("undo") == 0
    assert "timedatectl set-ntp true" in fix.calls and "timedatectl set-ntp false" in fix.calls
    fix.program("timedatectl", "echo no bus >&2; exit 1")
    assert fix("detect") == 2 and fix("run") == 2


def test_repair_packages(running: Callable[[str], Running]) -> None:
    fix = running("repair-packages")
    fix.program("dpkg", 'case "$1" in --audit) cat "$0.audit";; --configure) : > "$0.audit";; esac')
    fix.program("apt-get", "exit 0")
    (fix.bin / "dpkg.audit").write_text("The following packages are only half configured:\n cups\n")
    assert fix("detect") == 0 and fix("verify") == 2
    assert fix("run") == 0
    assert "--force-confold" in fix.calls and "--fix-broken install" in fix.calls
    assert fix("verify") == 0 and fix("detect") == 1
    fix.program("apt-get", 'echo "The following packages have unmet dependencies:" >&2; exit 100')
    assert fix("detect") == 0 and fix("run") == 2


def test_flush_dns(running: Callable[[str], Running], monkeypatch: pytest.MonkeyPatch) -> None:
    fix = running("flush-dns")
    fix.program("resolvectl", "exit 0")
    fix.program("systemctl", "exit 0")
    fix.path = str(fix.bin) + ":/bin"
    assert fix("run") == 0 and "resolvectl flush-caches" in fix.calls
    assert fix("detect", name="127.0.0.1") == 1 and fix("verify", name="127.0.0.1") == 0
    module = load("flush-dns")
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(module, "resolves", lambda _: False)
    assert module.main(["detect", "name.invalid"]) == 0 and module.main(["verify", "name.invalid"]) == 2


def test_install_updates(running: Callable[[str], Running]) -> None:
    fix = running("install-updates")
    fix.program(
        "apt-get",
        'case "$*" in *--simulate*) cat "$0.pending";; *" upgrade "*) : > "$0.pending";; esac',
    )
    (fix.bin / "apt-get.pending").write_text("Inst bash [5.1] (5.2 Debian)\nConf bash (5.2 Debian)\n")
    assert fix("detect") == 0 and fix("verify") == 2
    assert fix("run") == 0
    assert "--force-confold" in fix.calls and fix.calls.index("300 update") < fix.calls.index("300 upgrade")
    assert fix("verify") == 0 and fix("detect") == 1


def test_parameters_of_the_fixes_take_what_the_findings_give_and_refuse_the_rest() -> None:
    good: Mapping[str, dict[str, str | int | bool]] = {
        "free-disk-space": {"days": 7},
        "restart-service": {"unit": "systemd-networkd-wait-online@eth0\\x2dlong.service"},
        "end-process": {"pid": 4711, "name": "Web Content"},
    }
    for identifier, parameters in good.items():
        bind_parameters(SCRIPTS[identifier].manifest, parameters)
    bad: list[tuple[str, dict[str, str | int | bool]]] = [
        ("restart-service", {"unit": "cups.service; reboot"}),
        ("restart-service", {"unit": "--help.service"}),
        ("restart-service", {"unit": "cups"}),
        ("end-process", {"pid": 1, "name": "init"}),
        ("end-process", {"pid": True, "name": "x"}),
        ("end-process", {"pid": 99, "name": "../x"}),
        ("free-disk-space", {"days": 0}),
    ]
    for identifier, parameters in bad:
        with pytest.raises(Refused):
            bind_parameters(SCRIPTS[identifier].manifest, parameters)
