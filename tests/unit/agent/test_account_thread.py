"""The thread that opens files as somebody: when it takes on who they are, and what is done where it cannot."""

import os
import threading
from pathlib import Path

import pytest

from agent import account_thread
from agent.account_thread import AccountThread
from agent.backends.users import Account
from protocol.errors import Unavailable

ANA = Account("ana", 1000, 1000, Path("/home/ana"), "/bin/sh")


async def test_the_account_is_taken_on_once_and_before_anything_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, int]] = []

    def do(word: str) -> str:
        done.append((word, threading.get_ident()))
        return word

    monkeypatch.setattr(account_thread, "act_as", lambda account: do(account.name))
    one = AccountThread(ANA)
    for word in ("first", "second"):
        assert await one.run(do, word) == word
    await one.last(lambda: done.append(("closed", threading.get_ident())))
    assert [word for word, _ in done] == ["ana", "first", "second", "closed"]
    (own,) = {number for _, number in done}
    assert own != threading.get_ident()


async def test_where_it_cannot_be_taken_on_nothing_is_called_and_the_words_of_it_come_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    called: list[str] = []
    one = AccountThread(ANA)
    for _ in range(2):
        with pytest.raises(Unavailable, match="Run it as that user"):
            await one.run(lambda: called.append("never"))
    await one.last(lambda: called.append("closed"))
    assert called == ["closed"]


async def test_what_was_dropped_does_nothing_more() -> None:
    may, called = threading.Event(), list[str]()
    me = Account("me", os.geteuid(), os.getegid(), Path("/"), "/bin/sh")
    one = AccountThread(me)
    running, waiting = one._pool.submit(may.wait, 20), one._pool.submit(called.append, "never")
    one.drop()
    may.set()
    assert running.result(20) is True
    assert waiting.cancelled()
    assert not called
