"""What holds for every test: in CI nothing is skipped, silently or otherwise."""

import gc
import os
import signal
import threading
from collections.abc import Generator

import pytest

from tests.kit.foundations import Foundations
from tests.kit.world import World
from tests.order import known


def pytest_configure() -> None:
    """A shell ignores Ctrl-C for what it runs in the background, and every program that is started there inherits that; here
    programs are ended by it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
    World.foundations = Foundations(World.found)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Reading the tests makes a million objects that stay: to look through them for circles again and again takes more time than
    all the rest of it, and later a second each time that memory is cleared up."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first (xdist, told not to count tests, hands them out in this order)."""
    seconds = known()
    items.sort(key=lambda item: -seconds.get(item.nodeid.partition("::")[0], 0.0))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """No test leaves the worker with another scheduling: every program of the tests after it would have that too, and real-time
    ones stand a machine still."""
    if hasattr(os, "sched_getscheduler") and (policy := os.sched_getscheduler(0)) not in (os.SCHED_OTHER, os.SCHED_BATCH):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        pytest.fail(f"{item.nodeid} leaves this thread with scheduling policy {policy}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A skipped test in CI is a failed run: a suite that cannot run there must say so by failing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(skipped)} tests were skipped; in CI nothing may be", red=True)
