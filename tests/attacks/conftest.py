"""Rows, controls taken away, and the table at the end."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.attacks.rows import ROWS
from tests.kit.controls import CONTROLS, take_away

OUTCOMES = pytest.StashKey[dict[tuple[int, str], str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--without-controls", action="store_true", help="run each attack with the controls it is about taken away: it must fail"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "attack(row, without=()): an attack of a row of THREATS.md and the controls that stop it")
    if config.getoption("--without-controls"):
        # A test that fails in the middle, as it must, leaves things open.
        for warning in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning"):
            config.addinivalue_line("filterwarnings", f"ignore::{warning}")


def marks_of(item: pytest.Item) -> list[pytest.Mark]:
    """The attack marks of a test."""
    return list(item.iter_markers("attack"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """In the second run a test is run once for every control that it is about."""
    if "without" not in metafunc.fixturenames:
        return
    names: list[str] = []
    if metafunc.config.getoption("--without-controls"):
        for mark in metafunc.definition.iter_markers("attack"):
            names += mark.kwargs.get("without", ())
    metafunc.parametrize(
        "without", list(dict.fromkeys(names)) or [""], indirect=True, ids=lambda name: f"without-{name}" if name else "all"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every attack has a row; in the second run only those whose control can be taken away take part."""
    second = config.getoption("--without-controls")
    kept, dropped = [], []
    for item in items:
        if "attacks" not in item.path.parts:
            kept.append(item)
            continue
        for mark in marks_of(item):
            assert mark.args[0] in ROWS, f"{item.nodeid}: there is no row {mark.args[0]}"
            for name in mark.kwargs.get("without", ()):
                assert name in CONTROLS, f"{item.nodeid}: there is no control {name}"
        has_control = any(mark.kwargs.get("without") for mark in marks_of(item))
        (kept if has_control or not second else dropped).append(item)
    items[:] = kept
    if dropped:
        config.hook.pytest_deselected(items=dropped)


@pytest.fixture(autouse=True)
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The control that is taken away in this run ("" in the first): here by a patch, in processes that a test starts by handing
    this on to `World(without=...)`."""
    name: str = getattr(request, "param", "")
    if name:
        take_away(name, monkeypatch.setattr)
    yield name


def leaves(error: BaseException) -> Iterator[BaseException]:
    """What went wrong, out of whatever groups it came in."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from leaves(one)
    else:
        yield error


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Without its control an attack must succeed, that is, its test must fail."""
    # A report parses source, and finalizers that run meanwhile (of what a failed test left open) make CPython 3.11 lose count.
    gc.disable()
    try:
        outcome: Any = yield
    finally:
        gc.enable()
    report: pytest.TestReport = outcome.get_result()
    if not item.config.getoption("--without-controls") or "attacks" not in item.path.parts or report.when != "call":
        return
    if report.outcome == "failed":
        # It must notice that the attack succeeded, not stumble over the missing control.
        reasons = [] if call.excinfo is None else list(leaves(call.excinfo.value))
        if not reasons or not all(isinstance(reason, AssertionError | pytest.fail.Exception) for reason in reasons):
            return
        said = str(reasons[0]).strip().splitlines()
        report.user_properties.append(("noticed", (said or [""])[0][:160]))
        report.outcome, report.longrepr = "passed", None
    elif report.outcome == "passed":
        report.outcome = "failed"
        report.longrepr = f"{item.name} passes although its control is gone: it does not test it"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table, row by row; not in ordinary test runs."""
    reports = [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
    ours = [report for report in reports if getattr(report, "when", "") == "call" and "tests/attacks/" in report.nodeid]
    if not ours:
        return
    if config.getoption("--without-controls"):
        for report in ours if config.get_verbosity() > 0 else ():
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {dict(report.user_properties).get('noticed', '')}")
        return
    counts: dict[int, list[int]] = {}
    for report in ours:
        for row in dict(report.user_properties).get("rows", ()):
            passed, failed = counts.setdefault(row, [0, 0])
            counts[row] = [passed + (report.outcome == "passed"), failed + (report.outcome == "failed")]
    write = terminalreporter.write_line
    write("")
    for number, row in ROWS.items():
        passed, failed = counts.get(number, [0, 0])
        state = (
            f"{failed} FAILED" if failed else f"{passed} tests" if passed else f"not covered: {row.not_covered or 'no test yet'}"
        )
        write(f"{number:3d}  {row.attacker}: {row.attempt}  [{row.control}]  {state}")
    covered = sum(1 for passed, failed in counts.values() if passed and not failed)
    write(f"attacks: {covered} of {len(ROWS)} rows covered, {sum(passed for passed, _ in counts.values())} tests passed")


@pytest.fixture(autouse=True)
def rows(request: pytest.FixtureRequest, record_property: Any) -> None:
    """Tells the report which rows a test is about (also across worker processes)."""
    record_property("rows", [mark.args[0] for mark in marks_of(request.node)])
