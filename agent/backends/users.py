"""Accounts of this computer: whose display it is, and what a login of theirs looks like."""

import ctypes
import os
import platform
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.errors import Unavailable

LOGIND = Path("/run/systemd/sessions")
LOCALE = Path("/etc/default/locale")
SMALL_BYTES = 64 * 1024
SYS_SETGROUPS = {"x86_64": 116, "aarch64": 159}
"""Number of setgroups(2) by machine (asm/unistd.h): the C library's own function would change every thread."""
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


def act_as(account: Account) -> None:
    """From here on this thread alone opens and makes files as `account`: with its user, its groups and none of the
    administrator's rights over other people's files (setfsuid(2), capabilities(7)). There is no way back that is worth having:
    let the thread end. Does nothing for the account that the process runs as.

    Raises:
        Unavailable: the system does not let it, and files must not be touched.
    """
    if account.uid == os.geteuid():
        return
    number = SYS_SETGROUPS.get(platform.machine())
    if number is None or os.geteuid() != 0:
        raise Unavailable(f"This agent cannot open files as {account.name}. Run it as that user.")
    library = ctypes.CDLL(None, use_errno=True)
    groups = os.getgrouplist(account.name, account.gid)
    if library.syscall(number, len(groups), (ctypes.c_uint32 * len(groups))(*groups)) != 0:
        raise Unavailable(f"This agent cannot take the groups of {account.name}: {os.strerror(ctypes.get_errno())}.")
    for change, wanted in ((library.setfsgid, account.gid), (library.setfsuid, account.uid)):
        _ = change(wanted)
        if change(-1) != wanted:  # it says what held before, and nothing of failure
            raise Unavailable(f"This agent cannot open files as {account.name}.")
