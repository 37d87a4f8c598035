"""Whose terminal it is, and with which environment it begins."""

import os
from pathlib import Path

import pytest

from agent.backends.users import Account, account_named, account_of, login_environment, session_account

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
