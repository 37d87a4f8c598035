"""An organisation of several people on computers of their own: the administrator's with the signer, and two approvers', joined by
a real relay and by nothing else. Relay and signer run in processes of their own, the commands in this one."""

import shutil
from pathlib import Path
from unittest import mock

from tests.kit.org_commands import command_line
from tests.kit.processes import Process, command

ENVIRONMENT = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "NO_COLOR": "1"}


class Approvers:
    """`admin` founds; `bo` holds scripts-1, `cy` scripts-2 (and both a key of policy)."""

    def __init__(self, directory: Path, url: str, token: str, spki: str, *, without: str = "") -> None:
        self.directory = directory
        self.passphrase = directory / "passphrase"
        self.passphrase.touch(mode=0o600)
        self.passphrase.write_text("correct horse battery\n")
        self.environment = dict(ENVIRONMENT)
        if without:
            self.environment["PYTHONPATH"] = str(Path(__file__).parent / "without_controls")
            self.environment["HANDRAIL_WITHOUT"] = without
        self.signer: Process | None = None
        (directory / "admin").mkdir()
        (directory / "admin" / "technician.toml").write_text("retry_most_seconds = 1.0\n")
        self.org("admin", "init", "Example Ltd")
        self.org("admin", "register", "--relay", url, "--token", token, "--pin", spki, passphrase=False)
        for number, (who, name) in enumerate((("bo", "Bo Li"), ("cy", "Cy Young")), 1):
            vault = str(directory / who / "organisation" / "vault")
            moved = ("key", "move", f"scripts-{number}", f"policy-{number}", "--to", vault, "--holder", name)
            self.org("admin", *moved, "--new-passphrase-file", str(self.passphrase))
        for who in ("bo", "cy"):
            record = directory / f"{who}.json"
            shutil.copy(directory / "admin" / "organisation" / "organisation.json", record)
            self.org(who, "adopt", str(record), "--yes", passphrase=False)

    def org(self, who: str, *arguments: str, code: int = 0, passphrase: bool = True) -> str:
        """`handrail org` on somebody's computer; both streams."""
        options = ["--passphrase-file", str(self.passphrase)] if passphrase else []
        with mock.patch("protocol.keys._LOG_N", 10):  # cheap to open: what is tested here is not the cost of a guess
            ran = command_line(self.directory / who, "org", *arguments, *options)
        assert ran.code == code, (arguments, ran)
        return ran.out + ran.err

    def start_signer(self) -> Process:
        """`handrail signer` on the administrator's computer, until everything is uploaded."""
        argv = [command("handrail"), "--home", str(self.directory / "admin"), "signer", "--passphrase-file", str(self.passphrase)]
        self.signer = Process(argv, self.directory / "signer.log", env=self.environment)
        self.signer.wait_for("up to date")
        return self.signer

    def stop(self) -> None:
        """End what runs."""
        if self.signer is not None:
            self.signer.stop()


def write_fix(directory: Path, identifier: str = "harmless", version: str = "1", text: str = "echo done\n") -> Path:
    """The source of a fix script."""
    directory.mkdir(exist_ok=True)
    (directory / "fix.sh").write_text(text)
    (directory / "fix.toml").write_text(
        f'id = "{identifier}"\nversion = "{version}"\ntitle = "A fix"\nmin_tier = 1\nrun_as = "user"\nos = ["linux"]\n'
        'files = ["fix.sh"]\n[run]\nargv = ["/bin/sh", "{file:fix.sh}"]\n'
    )
    return directory
