"""An article as it is read."""

from agent.desktop.article_model import shown_text


def test_marks_of_lists_and_headings_are_not_shown_and_nothing_else_is_looked_into() -> None:
    source = "# First\n- Open <b>it</b>.\n  * Then\n1. [here](http://x)\n\x1b[2J 2 - 1"
    assert shown_text(source) == "First\n• Open <b>it</b>.\n  • Then\n1. [here](http://x)\n\\x1b[2J 2 - 1"
