"""Whose terminal it is, and with which environment it begins."""

import ctypes
import os
import platform
import threading
from pathlib import Path

import pytest

from agent.backends import users
from agent.backends.users import Account, account_named, account_of, act_as, login_environment, session_account
from protocol.errors import Unavailable

ANA = Account("ana", 54321, 54321, Path("/home/ana"), "/bin/bash")


def test_without_being_the_administrator_it_is_always_the_own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert session_account("root") == account_of(65534)


def test_the_administrator_takes_who_is_active_at_the_seat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert session_account("", tmp_path) is None
    (tmp_path / "1").write_text("UID=65534\nACTIVE=1\nCLASS=greeter\nSEAT=seat0\n")
    (tmp_path / "2").write_text("UID=65534\nACTIVE=1\nCLASS=user\n")
    assert session_account("", tmp_path) is None
    (tmp_path / "3").write_text("# logind\nUID=65534\nACTIVE=1\nCLASS=user\nSEAT=seat0\n")
    assert session_account("", tmp_path) == account_of(65534)
    assert session_account("root", tmp_path) == account_named("root")
    assert session_account("nobody-of-that-name", tmp_path) is None


def test_nothing_is_inherited_but_what_belongs_to_the_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locale").write_text('LANG="de_DE.UTF-8"\n')
    inherited = {"DISPLAY": ":7", "HANDRAIL_AGENT_HOME": "/x", "SECRET": "s", "LANG": "C"}
    environment = login_environment(ANA, "/bin/zsh", inherited=inherited, search_path="/bin", locale=tmp_path / "locale")
    assert environment["LANG"] == "de_DE.UTF-8"
    assert environment["SHELL"] == "/bin/zsh"
    assert not {"DISPLAY", "SECRET", "HANDRAIL_AGENT_HOME"} & set(environment)
    monkeypatch.setattr(os, "geteuid", lambda: ANA.uid)
    own = login_environment(ANA, "/bin/sh", inherited=inherited, search_path="/bin", locale=tmp_path / "none")
    assert own["DISPLAY"] == ":7"
    assert own["LANG"] == "C"


def test_accounts_that_nobody_logs_in_to_are_known() -> None:
    assert ANA.may_log_in
    assert not Account("daemon", 1, 1, Path("/"), "/usr/sbin/nologin").may_log_in


class Library:
    """The C library as an administrator's process finds it; the identities are those of one thread."""

    def __init__(self, *, obeys: bool = True) -> None:
        self.obeys = obeys
        self.groups: list[int] = []
        self.ids = {"uid": 0, "gid": 0}

    def syscall(self, number: int, count: int, groups: "ctypes.Array[ctypes.c_uint32]") -> int:
        assert number == users.SYS_SETGROUPS[platform.machine()]
        self.groups = list(groups)[:count]
        return 0

    def setfsuid(self, uid: int) -> int:
        return self._set("uid", uid)

    def setfsgid(self, gid: int) -> int:
        return self._set("gid", gid)

    def _set(self, name: str, number: int) -> int:
        before = self.ids[name]
        if number != -1 and self.obeys:
            self.ids[name] = number
        return before


def test_a_thread_takes_on_the_groups_and_the_user_of_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid, 27])
    act_as(ANA)
    assert library.groups == [ANA.gid, 27]
    assert library.ids == {"uid": ANA.uid, "gid": ANA.gid}
    library = Library(obeys=False)
    with pytest.raises(Unavailable, match="cannot open files as ana"):
        act_as(ANA)


def test_without_being_the_administrator_nobody_else_is_acted_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(Unavailable, match="Run it as that user"):
        act_as(ANA)
    monkeypatch.setattr(os, "geteuid", lambda: ANA.uid)
    act_as(ANA)


def test_the_real_system_opens_only_what_that_account_may(tmp_path: Path) -> None:
    """As root: another account's thread neither reads what is root's nor leaves files of root's, and other threads stay root.
    As anybody else: a thread may only be what it is."""
    nobody = account_named("nobody")
    assert nobody is not None
    root = os.geteuid() == 0
    if root:
        for folder in (tmp_path, *tmp_path.parents[:-2]):
            folder.chmod(0o755)
        (tmp_path / "theirs").mkdir()
        os.chown(tmp_path / "theirs", nobody.uid, nobody.gid)
    (tmp_path / "secret").write_text("root's")
    (tmp_path / "secret").chmod(0o600)
    said: list[object] = []

    def work() -> None:
        try:
            act_as(nobody)
            (tmp_path / "theirs" / "new").write_text("x")
            (tmp_path / "secret").read_text()
        except (PermissionError, Unavailable) as error:
            said.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert isinstance(said[0], PermissionError if root else Unavailable)
    assert (tmp_path / "secret").read_text() == "root's"
    assert not root or (tmp_path / "theirs" / "new").stat().st_uid == nobody.uid
