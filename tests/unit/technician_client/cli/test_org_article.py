"""`handrail org article`: a text file becomes a signed article, and what cannot be one is refused with how to write it."""

import json
from pathlib import Path

import pytest

from technician_client.organisation import lists
from tests.kit.founded import Founded
from tests.kit.org_commands import command_line, passphrase_option

SOURCE = "# The printer does not print\nWords: printer, Drucker\n\nIs it on?\n"


class Desk:
    """An administrator's computer."""

    def __init__(self, tmp_path: Path) -> None:
        self.home = tmp_path / "home"
        self.home.mkdir()
        self.founded = Founded(self.home)
        self.founded.publish()
        self.passphrase = passphrase_option(tmp_path)
        self.file = tmp_path / "printer.md"
        self.file.write_text(SOURCE)

    def article(self, *arguments: str, code: int = 0) -> str:
        ran = command_line(self.home, "org", "article", *arguments)
        assert ran.code == code, (ran.code, ran.out, ran.err)
        return ran.out + ran.err


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_an_article_is_added_listed_and_removed(desk: Desk) -> None:
    assert "no articles yet" in desk.article("list")
    assert "offered for: printer, drucker" in desk.article("add", str(desk.file), *desk.passphrase)
    assert "printer: The printer does not print (printer, drucker)" in desk.article("list")
    desk.article("add", str(desk.file), "--id", "other", *desk.passphrase)
    listed = json.loads(desk.article("list", "--json"))
    assert [one["id"] for one in listed["articles"]] == ["other", "printer"]
    desk.article("remove", "other", *desk.passphrase)
    assert [one.text for one in lists.articles(desk.founded.spool).articles] == ["Is it on?"]
    desk.article("remove", "other", *desk.passphrase, code=6)


@pytest.mark.parametrize(("data", "why"), [(b"no title", "begins with"), (b"\xff\xfe", "UTF-8"), (b"x" * 70000, "one page")])
def test_what_is_no_article_is_refused(desk: Desk, data: bytes, why: str) -> None:
    desk.file.write_bytes(data)
    assert why in desk.article("add", str(desk.file), *desk.passphrase, code=7)
    desk.article("add", str(desk.file.with_name("missing.md")), *desk.passphrase, code=2)
    assert lists.articles(desk.founded.spool).articles == []
