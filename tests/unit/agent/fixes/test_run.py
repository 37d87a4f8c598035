"""Real scripts through detect, run, verify and undo, and what is left of them: nothing."""

import asyncio
import os
from pathlib import Path

import pytest

from agent.fixes.output import Stream
from agent.fixes.run import FixReport, FixRun, Progress, Stage, script_environment
from agent.trusted_state import VerifiedScript
from protocol.errors import TrustError, Unavailable
from protocol.messages.fixes import FixParameter
from tests.kit.scripts import living, pids_in, shell_script
from tests.kit.waiting import eventually_async

ALL = ("detect", "run", "verify", "undo")

# Its state is one file: "broken" is the trouble, "well" is what it should be. Every step leaves its name in `log`.
MENDS = """
echo $1 >> {state}.log
case $1 in
  detect) [ "$(cat {state})" = broken ] || exit 1 ;;
  run)    {run} ;;
  verify) [ "$(cat {state})" = well ] ;;
  undo)   {undo} ;;
esac
"""


class Bench:
    """One script with a state file, a place to unpack, and a record of what was reported."""

    def __init__(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.state = tmp_path / "state"
        self.state.write_text("broken\n")
        self.place = tmp_path / "place"
        self.place.mkdir()
        self.stages: list[Stage] = []
        self.said: list[tuple[Stage, Stream, str]] = []
        self.stop = asyncio.Event()

    def script(self, run: str = "echo well > {state}", undo: str = "echo broken > {state}", **fields: object) -> VerifiedScript:
        text = MENDS.format(state=self.state, run=run.format(state=self.state), undo=undo.format(state=self.state))
        return shell_script(self.tmp_path, text, steps=fields.pop("steps", ALL), **fields)  # type: ignore[arg-type]

    def fix_run(self, script: VerifiedScript, values: dict[str, str] | None = None) -> FixRun:
        progress = Progress(stage=self.stages.append, output=lambda stage, stream, text: self.said.append((stage, stream, text)))
        return FixRun(script, values or {}, progress, os.environ, self.stop, (self.place,))

    async def run(self, script: VerifiedScript, values: dict[str, str] | None = None) -> FixReport:
        report = await self.fix_run(script, values).run()
        assert list(self.place.iterdir()) == [], "something was left behind"
        return report

    @property
    def log(self) -> list[str]:
        log = self.tmp_path / "state.log"
        return log.read_text().split() if log.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_fixed(bench: Bench) -> None:
    report = await bench.run(bench.script())
    assert (report.outcome, report.exit_code, bench.state.read_text()) == ("fixed", 0, "well\n")
    assert bench.log == bench.stages == ["detect", "run", "verify"]
    assert "trouble is gone" in report.text


async def test_not_needed_changes_nothing(bench: Bench) -> None:
    bench.state.write_text("well\n")
    report = await bench.run(bench.script())
    assert (report.outcome, bench.log) == ("not_needed", ["detect"])


async def test_done_without_a_proof(bench: Bench) -> None:
    report = await bench.run(bench.script(steps=("run",)))
    assert (report.outcome, bench.log) == ("done", ["run"])


async def test_a_detection_that_fails_stops_there(bench: Bench) -> None:
    bench.state.unlink()
    report = await bench.run(shell_script(bench.tmp_path, "exit 9", steps=("detect", "run", "undo")))
    assert (report.outcome, report.exit_code, bench.stages) == ("failed", 9, ["detect"])
    assert "Nothing was changed" in report.text


async def test_a_failed_run_is_undone(bench: Bench) -> None:
    report = await bench.run(bench.script(run="echo half > {state}; exit 6"))
    assert (report.outcome, report.exit_code, bench.state.read_text()) == ("undone", 6, "broken\n")
    assert bench.log == ["detect", "run", "undo"]
    assert "failed with exit code 6" in report.text and "was undone" in report.text


async def test_a_failed_verification_is_undone(bench: Bench) -> None:
    report = await bench.run(bench.script(run="echo worse > {state}"))
    assert (report.outcome, bench.state.read_text()) == ("undone", "broken\n")
    assert bench.log == ["detect", "run", "verify", "undo"]
    assert "still there" in report.text


async def test_a_failed_verification_without_undo(bench: Bench) -> None:
    report = await bench.run(bench.script(run="echo worse > {state}", steps=("detect", "run", "verify")))
    assert (report.outcome, report.exit_code) == ("verify_failed", 1)


async def test_an_undo_that_fails_is_said(bench: Bench) -> None:
    report = await bench.run(bench.script(run="exit 6", undo="exit 8"))
    assert (report.outcome, report.exit_code) == ("failed", 6)
    assert "Undoing it failed with exit code 8 too" in report.text


async def test_a_timeout_stays_a_timeout_and_is_undone(bench: Bench) -> None:
    run = "trap '' TERM; echo half > {state}; (setsid sh -c 'echo $$ > {state}.pids; exec sleep 300' &); sleep 300"
    report = await bench.run(bench.script(run=run, timeouts={"run": 0.8}))
    assert (report.outcome, report.exit_code, bench.state.read_text()) == ("timed_out", None, "broken\n")
    assert [living(pid) for pid in pids_in(bench.tmp_path / "state.pids")] == [False]
    assert "took longer than" in report.text


async def test_a_stop_ends_and_undoes(bench: Bench) -> None:
    task = asyncio.get_running_loop().create_task(bench.run(bench.script(run="echo half > {state}; sleep 300")))
    await eventually_async(lambda: bench.state.read_text() == "half\n", "the run step's work")
    bench.stop.set()
    report = await task
    assert (report.outcome, bench.state.read_text()) == ("cancelled", "broken\n")


async def test_a_session_that_ends_leaves_nothing_half_done(bench: Bench) -> None:
    task = asyncio.get_running_loop().create_task(bench.run(bench.script(run="echo half > {state}; sleep 300")))
    await eventually_async(lambda: bench.state.read_text() == "half\n", "the run step's work")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.state.read_text() == "broken\n"
    assert bench.log == ["detect", "run", "undo"]
    assert list(bench.place.iterdir()) == []


async def test_output_comes_with_its_stage_and_is_harmless(bench: Bench) -> None:
    report = await bench.run(bench.script(run="printf 'a\\033[31mb\\n'; echo well > {state}"))
    assert report.outcome == "fixed"
    assert bench.said == [("run", "stdout", "a\\x1b[31mb\n")]


async def test_a_flood_fails_and_is_undone(bench: Bench) -> None:
    report = await bench.run(bench.script(run="echo half > {state}; exec yes", max_output=2048))
    assert (report.outcome, report.truncated, bench.state.read_text()) == ("undone", True, "broken\n")
    assert "printed without end" in report.text
    assert sum(len(text) for _, _, text in bench.said) == 2048


async def test_values_are_single_arguments(bench: Bench) -> None:
    script = shell_script(
        bench.tmp_path,
        f'printf "%s|" "$@" > {bench.state}',
        arguments=("--name={name}", "{name}"),
        parameters=[FixParameter(name="name", kind="text", pattern=".*")],
    )
    await bench.run(script, {"name": "a b; $(reboot) '\""})
    assert bench.state.read_text() == "run|--name=a b; $(reboot) '\"|a b; $(reboot) '\"|"


async def test_where_and_with_what_it_runs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("DISPLAY", ":7")
    await bench.run(shell_script(bench.tmp_path, f"(pwd; env; stat -c %a . ..; stat -c %a $0) > {bench.state}"))
    lines = bench.state.read_text().splitlines()
    assert "DISPLAY=:7" in lines and not any("SECRET" in line for line in lines)
    assert Path(lines[0]).name == "work" and Path(lines[0]).is_relative_to(bench.place)
    assert lines[-3:] == ["700", "700", "500"]


async def test_bytes_that_are_not_the_approved_ones_do_not_run(bench: Bench) -> None:
    script = bench.script()
    (stored,) = script.objects.iterdir()
    stored.write_text(f"touch {bench.tmp_path}/ran")
    with pytest.raises(TrustError, match="not the one that was approved"):
        await bench.run(script)
    assert not (bench.tmp_path / "ran").exists()


async def test_a_script_that_rewrites_itself_stops_there(bench: Bench) -> None:
    script = bench.script(run="chmod 700 $0; echo 'touch {state}.evil' > $0; echo well > {state}")
    with pytest.raises(TrustError, match="was changed after it was verified"):
        await bench.run(script)
    assert bench.log == ["detect", "run"]
    assert list(bench.place.iterdir()) == []


async def test_a_full_disk_is_worked_around_and_else_named(bench: Bench, full_disk: Path) -> None:
    run = bench.fix_run(bench.script())
    run.places = (full_disk, bench.place)
    assert (await run.run()).outcome == "fixed"
    run = bench.fix_run(bench.script())
    run.places = (full_disk,)
    with pytest.raises(Unavailable, match="no room to unpack the script"):
        await run.run()


def test_the_environment_has_a_home_and_no_secrets(tmp_path: Path) -> None:
    made = script_environment({"HOME": "/home/ana", "AWS_SECRET": "x", "LD_PRELOAD": "/evil.so", "DISPLAY": ""}, tmp_path)
    assert made["HOME"] == "/home/ana" and made["TMPDIR"] == str(tmp_path)
    assert not {"AWS_SECRET", "LD_PRELOAD", "DISPLAY"} & made.keys()
