"""The commands: sentences, exit codes, nothing that answers for a person."""

import asyncio
import json
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from agent.cli import JsonFormatter, cli, configure_logging, main
from agent.local import LocalServer
from agent.local_messages import AskStatus, Request, Said, StatusReply, StopSession
from agent.settings import load_settings
from agent.status import AgentStatus, RelayStatus, SessionStatus, TrustStatus
from hostio.exit_codes import ExitCode
from protocol.errors import HandrailError, RefusalReason, Refused
from tests.kit.processes import command

STATUS = AgentStatus(
    device="d1",
    label="Till 3\x1b[2J",
    organisation="Example Ltd",
    certificate_until=1_900_000_000.0,
    relay=RelayStatus("https://relay.example", "away", 0.0, "It does not answer."),
    sessions=[SessionStatus("s1", "Ana Ruiz", "Example Ltd", 2, ["chat"], True, True, 0.0, 1.0)],
    trust=TrustStatus(90.0, 3, "The files have expired."),
    audit="The disk is full.",
    certificate="It ran out.",
    attached=1,
)


class Daemon:
    """Answers like the daemon would."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def request(self, connection: object, request: Request) -> Said | None:
        self.requests.append(request)
        match request:
            case AskStatus(id=number):
                return StatusReply(number, STATUS)
            case StopSession(session="none"):
                raise Refused("There is no such session.", reason=RefusalReason.NOT_FOUND)
            case _:
                return None

    def gone(self, connection: object) -> None:
        pass


@pytest.fixture
def logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    for name in ("agent", "websockets", "tuf"):
        logging.getLogger(name).setLevel(logging.NOTSET)


async def with_daemon(home: Path, *arguments: str) -> tuple[Daemon, subprocess.CompletedProcess[str]]:
    daemon = Daemon()
    argv = [command("handrail-agent"), "--home", str(home), *arguments]
    async with LocalServer(home / "agent.sock", daemon).serving():
        result = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, check=False)
    return daemon, result


async def test_status_is_for_people_and_for_programs(tmp_path: Path) -> None:
    _, result = await with_daemon(tmp_path, "status")
    assert result.returncode == 0
    for words in ("Till 3\\x1b[2J", "away: It does not answer.", "1:30 old", "The disk is full.", "PAUSED", "nobody was asked"):
        assert words in result.stdout
    _, result = await with_daemon(tmp_path, "status", "--json")
    assert json.loads(result.stdout)["sessions"][0]["name"] == "Ana Ruiz"


async def test_stop_ends_sessions_and_says_when_there_is_none(tmp_path: Path) -> None:
    daemon, result = await with_daemon(tmp_path, "stop")
    assert (result.returncode, daemon.requests) == (0, [StopSession(1, "")])
    _, result = await with_daemon(tmp_path, "stop", "none")
    assert result.returncode == ExitCode.REFUSED
    assert result.stderr == "handrail-agent: There is no such session.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["status"], ExitCode.NOT_FOUND, "No agent is running"),
        (["run"], ExitCode.NOT_SET_UP, "handrail-agent enrol"),
        (["ask"], ExitCode.NOT_SET_UP, "handrail-agent enrol"),
        (["enrol", "nothing.handrail"], ExitCode.USAGE, "nothing.handrail"),
        (["bogus"], ExitCode.USAGE, "No such command"),
        (["enrl", "x"], ExitCode.USAGE, "Did you mean 'enrol'?"),
        (["ask", "--yes"], ExitCode.USAGE, "No such option"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_a_code(
    tmp_path: Path, arguments: list[str], code: ExitCode, words: str, capsys: pytest.CaptureFixture[str], logging_restored: None
) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr("sys.argv", ["handrail-agent", "--home", str(tmp_path / "home"), *arguments])
        main()
    assert ended.value.code == code
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("locale", "arguments", "words"),
    [
        ("de_DE.UTF-8", ["status"], "läuft kein Agent"),
        ("C.UTF-8", ["status", "--language", "de"], "läuft kein Agent"),
        ("de_DE.UTF-8", ["stop", "--language", "en"], "No agent is running"),
        ("de_AT.UTF-8", ["run"], "gehört noch zu keiner Organisation"),
        ("de_DE.UTF-8", ["enrol", "nothing.handrail"], "Geben Sie den Pfad"),
        ("de_DE.UTF-8", ["audit", "verify"], "Es gibt noch kein Protokoll"),
    ],
)
def test_what_goes_wrong_is_told_in_the_persons_language(
    tmp_path: Path, locale: str, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], logging_restored: None
) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setenv("LC_ALL", locale)
        patch.setattr("sys.argv", ["handrail-agent", "--home", str(tmp_path / "home"), *arguments])
        main()
    assert words in capsys.readouterr().err


def test_settings_that_do_not_fit_are_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "agent.toml").write_text("[screen]\nmax_fps = 0\n")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr("sys.argv", ["handrail-agent", "--home", str(tmp_path), "status"])
        main()
    assert ended.value.code == ExitCode.FAILED
    assert "max_fps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (ExceptionGroup("tasks", [ExceptionGroup("inner", [HandrailError("deep")])]), ExitCode.FAILED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (click.Abort(), ExitCode.INTERRUPTED),
    ],
)
def test_errors_from_below_are_unwrapped(raised: BaseException, code: ExitCode, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(**_: object) -> None:
        raise raised

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(cli, "main", fail)
        main()
    assert ended.value.code == code
    if code is ExitCode.FAILED:
        assert capsys.readouterr().err == "handrail-agent: deep\n"


def test_no_command_has_an_option_that_answers() -> None:
    """Consent has no flag: the only options are those listed here."""
    options = {option for one in cli.commands.values() for parameter in one.params for option in parameter.opts}
    looks = {"--get-help", "--theme", "--language"}
    of_the_desktop = {"--install", "--uninstall"}
    assert options == {"bundle", "--label", "--new-keys", "text", "--json", "session", "seed", "shell"} | looks | of_the_desktop


def test_help_names_every_command() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    for name in ("ask", "attend", "enrol", "guest", "run", "status", "stop"):
        assert name in text


def test_logs_are_lines_for_people_or_json(tmp_path: Path, logging_restored: None) -> None:
    configure_logging(load_settings(tmp_path, {"HANDRAIL_AGENT_LOG_FORMAT": "json", "HANDRAIL_AGENT_LOG_LEVEL": "debug"}))
    assert logging.getLogger("agent").level == logging.DEBUG
    formatter = logging.getLogger().handlers[0].formatter
    assert isinstance(formatter, JsonFormatter)
    try:
        raise ValueError("no")
    except ValueError as error:
        record = logging.LogRecord("agent", logging.ERROR, "", 0, "it %s", ("failed",), (ValueError, error, error.__traceback__))
    line = json.loads(formatter.format(record))
    assert (line["level"], line["message"]) == ("error", "it failed")
    assert "ValueError: no" in line["error"]
    configure_logging(load_settings(tmp_path, {}), quiet=True)
    assert logging.getLogger("agent").level == logging.CRITICAL
