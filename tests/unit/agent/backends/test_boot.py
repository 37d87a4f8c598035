"""Which start of the computer this is."""

from pathlib import Path

from agent.backends.boot import boot_id


def test_it_is_the_same_within_one_start_and_none_where_nobody_tells(tmp_path: Path) -> None:
    assert boot_id() == boot_id()
    assert boot_id(tmp_path / "missing") == ""
    strange = tmp_path / "strange"
    strange.write_bytes(b"\xff\xff")
    assert boot_id(strange) == ""
    strange.write_text("x" * 500)
    assert len(boot_id(strange)) == 64
