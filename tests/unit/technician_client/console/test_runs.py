"""Runs on many devices: states, end, report."""

import csv
import io
import json
import time

import numpy as np
import pytest

from protocol.errors import Unavailable
from technician_client.console.hub import TooMany
from technician_client.console.runs import (
    RUNS_AT_ONCE,
    RUNS_KEPT,
    DeviceRun,
    FixRunOnMany,
    FixRuns,
    RunTeller,
    csv_report,
    json_report,
)
from technician_client.fleet_fixes import DeviceDone, DeviceOutput, DeviceStep, FixOrder
from tests.kit.console import MARKUP, MemoryRelay, MemorySession, sample_rows
from tests.kit.waiting import eventually_async

DEVICES = ("k3v9w2m4x7q1", "p8d4n6r2t5s3", "h2j5l8z1c4b7")
ORDER = FixOrder("disk", "3f" * 32, {"days": 7}, DEVICES, "=why")


@pytest.fixture
def relay() -> MemoryRelay:
    return MemoryRelay(MemorySession([], np.zeros((4, 4, 3), np.uint8)), sample_rows(time.time()))


@pytest.fixture
def runs(relay: MemoryRelay) -> FixRuns:
    names = iter(range(1000))
    return FixRuns(relay, new_name=lambda: f"run-{next(names)}", wall=lambda: 100.0)


def start(runs: FixRuns) -> FixRunOnMany:
    return runs.start(ORDER, title="Clean", version="1", labels={DEVICES[0]: "first"})


async def test_a_run_is_told_as_it_goes_and_ends_with_each_devices_proof(runs: FixRuns, relay: MemoryRelay) -> None:
    changed, what = runs.watch()
    run = start(runs)
    await eventually_async(lambda: run.devices[DEVICES[0]].step == "run", "the first device runs it")
    assert changed.is_set()
    assert {(run.name, ""), (run.name, DEVICES[0])} <= what
    assert run.row()["counts"]["running"] == 1
    relay.hold_runs.set()
    await eventually_async(lambda: run.ended, "the end")
    states = {device.device: (device.state, device.outcome) for device in run.devices.values()}
    assert states == {DEVICES[0]: ("good", "fixed"), DEVICES[1]: ("bad", "not_run"), DEVICES[2]: ("bad", "verify_failed")}
    document = run.devices[DEVICES[0]].document()
    assert [one["id"] for one in document["before"]] == ["disk_full", "time_not_synchronised"]
    assert [one["id"] for one in document["after"]] == ["time_not_synchronised"]
    runs.unwatch(changed)


def test_a_watcher_is_told_what_was_added_and_nothing_twice() -> None:
    run = FixRunOnMany("x", ORDER, "", "", 0.0, {"a": DeviceRun("a", "till")})
    teller = RunTeller()
    (first,) = teller.changes(run, "a")
    assert first["type"] == "run_device" and "output" not in first["row"]
    assert teller.changes(run, "a") == []
    run.hear(DeviceOutput("a", "run", "stdout", "one \U0001f600"))
    assert teller.changes(run, "a") == [{"type": "run_output", "run": "x", "device": "a", "at": 0, "text": "one \U0001f600"}]
    run.hear(DeviceOutput("a", "run", "stdout", " two"))
    assert teller.changes(run, "a") == [{"type": "run_output", "run": "x", "device": "a", "at": 6, "text": " two"}]
    run.hear(DeviceDone("a", "", None, None, 0.0))
    (last,) = teller.changes(run, "a")
    assert last["row"]["state"] == "left_alone"
    teller.forget("x")
    assert [one["type"] for one in teller.changes(run, "a")] == ["run_device", "run_output"]


async def test_cancelling_says_where_each_device_was(runs: FixRuns) -> None:
    run = start(runs)
    await eventually_async(lambda: run.devices[DEVICES[0]].step == "run", "the first device runs it")
    assert await runs.cancel(run.name)
    assert run.cancelled and run.ended
    assert {device.state for device in run.devices.values()} == {"cancelled"}
    assert "stopped here" in run.devices[DEVICES[0]].text
    assert run.devices[DEVICES[2]].text == "It was not begun."
    assert not await runs.cancel("nothing")


async def test_a_run_that_cannot_begin_says_why(runs: FixRuns, relay: MemoryRelay) -> None:
    relay.not_run = Unavailable("The relay is away.")
    run = start(runs)
    await eventually_async(lambda: run.ended, "the end")
    assert run.error == run.devices[DEVICES[0]].text == "The relay is away."


async def test_few_at_once_and_few_kept(runs: FixRuns, relay: MemoryRelay) -> None:
    for _ in range(RUNS_AT_ONCE):
        start(runs)
    with pytest.raises(TooMany):
        start(runs)
    relay.hold_runs.set()
    for _ in range(RUNS_KEPT + 3):
        await eventually_async(lambda: all(run.ended for run in runs.all()), "all ended")
        newest = start(runs)
    await runs.aclose()
    assert len(runs.all()) == RUNS_KEPT
    assert runs.all()[0] is newest
    assert runs.get("run-0") is None


async def test_reports_are_complete_and_no_cell_is_a_formula(runs: FixRuns, relay: MemoryRelay) -> None:
    relay.hold_runs.set()
    run = start(runs)
    await eventually_async(lambda: run.ended, "the end")
    run.hear(DeviceDone(DEVICES[0], "=cmd()", None, "-2+3 @x", 1.0))
    rows = list(csv.DictReader(io.StringIO(csv_report(run))))
    assert {row["digest"] for row in rows} == {run.row()["digest"]} == {"3f" * 32}
    assert [row["device"] for row in rows] == list(DEVICES)
    assert (rows[0]["label"], rows[0]["text"]) == ("'=cmd()", "'-2+3 @x")
    report = json.loads(json_report(run))
    assert report["parameters"] == {"days": 7}
    assert [device["device"] for device in report["devices"]] == list(DEVICES)
    assert MARKUP in report["devices"][1]["output"]


def test_events_of_strangers_and_endless_output_change_nothing(runs: FixRuns) -> None:
    run = FixRunOnMany("x", ORDER, "", "", 0.0, {})
    assert run.hear(DeviceStep("stranger", "run")) is None
    from technician_client.console.runs import OUTPUT_CHARS, DeviceRun

    run.devices["a"] = DeviceRun("a", "")
    for _ in range(30):
        run.hear(DeviceOutput("a", "run", "stdout", "x" * 1000))
    assert len(run.devices["a"].output) == OUTPUT_CHARS
    run.hear(DeviceDone("a", "", None, None, 0.0))
    assert run.devices["a"].state == "left_alone"
