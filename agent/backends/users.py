"""Accounts of this computer: whose display it is, and what a login of theirs looks like."""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOGIND = Path("/run/systemd/sessions")
LOCALE = Path("/etc/default/locale")
SMALL_BYTES = 64 * 1024
NO_LOGIN = frozenset({"nologin", "false", "sync", "halt", "shutdown"})


@dataclass(frozen=True, slots=True)
class Account:
    """One account, as in passwd(5)."""

    name: str
    uid: int
    gid: int
    home: Path
    shell: str

    @property
    def may_log_in(self) -> bool:
        """Whether its shell is one that a person can use."""
        return Path(self.shell).name not in NO_LOGIN


def account_named(name: str) -> Account | None:
    """The account of that name, or None."""
    try:
        return _account(pwd.getpwnam(name))
    except KeyError:
        return None


def account_of(uid: int) -> Account | None:
    """The account with that number, or None."""
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError:
        return None


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir), entry.pw_shell or "/bin/sh")


def session_account(named: str = "", logind: Path = LOGIND) -> Account | None:
    """The account of the person at this computer: the agent's own, unless it runs as the administrator; then the one `named`
    in its settings, or the one that systemd-logind says is active at the seat (its state files), or nobody."""
    if os.geteuid() != 0:
        return account_of(os.geteuid())
    if named:
        return account_named(named)
    for file in sorted(logind.glob("*")) if logind.is_dir() else []:
        said = _variables(file)
        if said.get("ACTIVE") == "1" and said.get("CLASS") == "user" and said.get("SEAT") and said.get("UID", "").isdecimal():
            return account_of(int(said["UID"]))
    return None


def _variables(file: Path) -> dict[str, str]:
    """NAME=VALUE lines of a small file; nothing when it cannot be read."""
    try:
        with file.open("rb") as opened:
            text = opened.read(SMALL_BYTES).decode("utf-8", "replace")
    except OSError:
        return {}
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def login_environment(
    account: Account, shell: str, *, inherited: Mapping[str, str], search_path: str, locale: Path = LOCALE
) -> dict[str, str]:
    """The environment with which a login of `account` begins. Nothing is inherited but the language and, for the account that
    the agent itself runs as, the way to its display and message bus."""
    variables = _variables(locale)
    language = variables.get("LANG") or inherited.get("LANG") or "C.UTF-8"
    environment = {
        "HOME": str(account.home),
        "USER": account.name,
        "LOGNAME": account.name,
        "SHELL": shell,
        "PATH": search_path,
        "LANG": language,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
    }
    runtime = Path(f"/run/user/{account.uid}")
    if runtime.is_dir():
        environment["XDG_RUNTIME_DIR"] = str(runtime)
        if (runtime / "bus").exists():
            environment["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={runtime / 'bus'}"
    if account.uid == os.geteuid():
        for name in ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY"):
            if inherited.get(name):
                environment[name] = inherited[name]
    return environment
