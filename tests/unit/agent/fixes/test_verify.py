"""What is refused before anything runs, and what is noticed about the files at the last moment."""

from pathlib import Path

import msgspec
import pytest

from agent.fixes.verify import Circumstances, check_files, check_run, objection
from protocol.errors import RefusalReason, Refused, TrustError
from protocol.messages.fixes import FixParameter
from tests.kit.scripts import shell_script

USER = Circumstances(tier=2, is_root=False)
ROOT = Circumstances(tier=3, is_root=True)


@pytest.mark.parametrize(
    ("fields", "circumstances", "reason", "words"),
    [
        ({"min_tier": 3}, USER, RefusalReason.TIER_TOO_LOW, "tier 3; yours is 2"),
        ({"run_as": "root"}, USER, RefusalReason.NEEDS_ROOT, "as the administrator"),
        ({"os": ["windows"]}, ROOT, RefusalReason.UNSUPPORTED, "is for windows"),
        ({}, Circumstances(3, True, enabled=False), RefusalReason.POLICY, "turned off"),
    ],
)
def test_refused_with_reason_and_sentence(
    tmp_path: Path, fields: dict[str, object], circumstances: Circumstances, reason: RefusalReason, words: str
) -> None:
    manifest = shell_script(tmp_path, "", **fields).manifest
    why = objection(manifest, circumstances)
    assert why is not None and why[0] is reason and words in why[1]
    with pytest.raises(Refused, match=words) as caught:
        check_run(manifest, {}, circumstances)
    assert caught.value.reason is reason


def test_an_interpreter_that_is_not_here(tmp_path: Path) -> None:
    manifest = shell_script(tmp_path, "").manifest
    run = msgspec.structs.replace(manifest.run, argv=["/usr/bin/no-such-shell", "{file:fix.sh}"])
    why = objection(msgspec.structs.replace(manifest, run=run), ROOT)
    assert why is not None and why[0] is RefusalReason.UNSUPPORTED and "/usr/bin/no-such-shell" in why[1]


def test_what_may_run_may_run(tmp_path: Path) -> None:
    assert objection(shell_script(tmp_path, "", run_as="root", min_tier=3).manifest, ROOT) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"days": 400}, "between 1 and 365"),
        ({"days": True}, "whole number"),
        ({"days": "7"}, "whole number"),
        ({"days": 7, "rm": "-rf"}, "no parameter 'rm'"),
        ({"days": 7, "name": "-x"}, "dash"),
        ({"days": 7, "name": "a\0b"}, "control character"),
        ({"days": 7, "name": "ab; reboot"}, "form"),
        ({"days": 7, "name": "ab\n"}, "control character"),
        ({}, "needs the parameter days"),
    ],
)
def test_parameters_are_typed(tmp_path: Path, given: dict[str, str | int | bool], words: str) -> None:
    parameters = [
        FixParameter(name="days", kind="int", low=1, high=365),
        FixParameter(name="name", kind="text", pattern="[a-z]+", required=False),
    ]
    manifest = shell_script(tmp_path, "", arguments=("{days}", "{name}"), parameters=parameters).manifest
    with pytest.raises(Refused, match=words) as caught:
        check_run(manifest, given, ROOT)
    assert caught.value.reason is RefusalReason.INVALID
    assert check_run(manifest, {"days": 7}, ROOT) == {"days": "7"}


def unpacked(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    script = shell_script(tmp_path, "exit 0\n")
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    paths = script.materialise(directory)
    check_files(script.manifest, paths)
    return Path(paths["fix.sh"]), paths


def test_a_file_changed_after_it_was_unpacked(tmp_path: Path) -> None:
    file, paths = unpacked(tmp_path)
    file.chmod(0o700)
    file.write_text("exit 1\n")
    with pytest.raises(TrustError, match="was changed after it was verified"):
        check_files(shell_script(tmp_path, "exit 0\n").manifest, paths)


def test_a_link_in_its_place(tmp_path: Path) -> None:
    file, paths = unpacked(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("exit 0\n")
    file.unlink()
    file.symlink_to(elsewhere)
    with pytest.raises(TrustError, match="cannot be opened any more"):
        check_files(shell_script(tmp_path, "exit 0\n").manifest, paths)


def test_a_second_name_or_a_wide_mode(tmp_path: Path) -> None:
    file, paths = unpacked(tmp_path)
    (tmp_path / "second").hardlink_to(file)
    with pytest.raises(TrustError, match="could be changed by others"):
        check_files(shell_script(tmp_path, "exit 0\n").manifest, paths)
    (tmp_path / "second").unlink()
    file.chmod(0o777)
    with pytest.raises(TrustError, match="could be changed by others"):
        check_files(shell_script(tmp_path, "exit 0\n").manifest, paths)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    file, paths = unpacked(tmp_path)
    file.unlink()
    with pytest.raises(TrustError, match="cannot be opened any more"):
        check_files(shell_script(tmp_path, "exit 0\n").manifest, paths)
