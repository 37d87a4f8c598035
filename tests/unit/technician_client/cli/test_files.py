"""Words and paths of `handrail files`; what it does to a device is in tests/integration/test_files.py."""

import io
import json
import time

import click
import pytest

from hostio.exit_codes import ExitCode
from protocol.messages.files import FileEntry
from technician_client.carrying import Carried, FolderJob
from technician_client.cli.files import Bars, conflict_of, entry_document, remote_path
from technician_client.cli.output import Output


@pytest.mark.parametrize(
    ("typed", "path"), [("", b""), (".", b""), ("~", b""), ("~/Documents/", b"Documents"), ("a/b", b"a/b"), ("\udcff", b"\xff")]
)
def test_paths_begin_in_the_home(typed: str, path: bytes) -> None:
    assert remote_path(typed) == path


def test_a_path_from_the_root_is_refused() -> None:
    with pytest.raises(click.UsageError):
        remote_path("/etc/hostname")


def test_one_answer_for_taken_names() -> None:
    assert conflict_of(False, False, False) == "ask"
    assert conflict_of(True, False, False) == "replace"
    assert conflict_of(False, True, False) == "rename"
    assert conflict_of(False, False, True) == "skip"
    with pytest.raises(click.UsageError):
        conflict_of(True, True, False)


def test_an_entry_is_inert_in_json() -> None:
    document = entry_document(FileEntry(b"\xff\x1b", "file", 3, 1.0, 0o640))
    assert document == {"name": "\\xff\\x1b", "bytes": "ff1b", "kind": "file", "size": 3, "mtime": 1.0, "mode": "640"}


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [(["done", "skipped"], ExitCode.OK), (["done", "exists"], ExitCode.FAILED), (["failed", "differs"], ExitCode.TRUST)],
)
def test_how_all_of_it_went(outcomes: list[str], code: ExitCode) -> None:
    out = io.StringIO()
    bars = Bars(Output(as_json=True, stdout=out, stderr=io.StringIO(), colour=False))
    for outcome in outcomes:
        bars.ended(FolderJob(b"a"), Carried("a", outcome))
    assert bars.total(time.monotonic()) is code
    assert [json.loads(line)["outcome"] for line in out.getvalue().splitlines()] == outcomes
