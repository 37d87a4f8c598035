"""Which devices a command is about, and what it says while a session opens."""

import io

import click
import pytest

from technician_client.cli.output import Output
from technician_client.cli.targets import demand_one_way, failure_line, grouped_sas, show_progress
from technician_client.errors import NotFound
from technician_client.sessions import Progress, Stage


@pytest.mark.parametrize(("device", "group", "everything"), [("till", None, False), ("", "tills", False), ("", None, True)])
def test_one_way_to_say_which_devices(device: str, group: str | None, everything: bool) -> None:
    demand_one_way(device, group, everything)


@pytest.mark.parametrize(("device", "group", "everything"), [("", None, False), ("till", "tills", False), ("till", None, True)])
def test_no_way_or_two_are_usage(device: str, group: str | None, everything: bool) -> None:
    with pytest.raises(click.UsageError):
        demand_one_way(device, group, everything)


def test_progress_marks_what_is_unverified_and_has_the_sas_compared() -> None:
    err = io.StringIO()
    show = show_progress(Output(stdout=io.StringIO(), stderr=err, colour=False))
    for stage in Stage:
        show(Progress(stage, "Till \x1b[2J", "abc", "482913", 180, by_code=True))
    said = err.getvalue()
    assert "(the relay's word)" in said
    assert "Compare: 482 913" in said
    assert "180 s" in said
    assert "\x1b" not in said
    show(Progress(Stage.CONNECTED, "Till", "abc", "482913"))
    assert "should anybody want to compare: 482 913" in err.getvalue()


def test_small_words() -> None:
    assert grouped_sas("048291") == "048 291"
    assert failure_line("Till", "abc", NotFound("gone")) == "Till (abc): gone"
