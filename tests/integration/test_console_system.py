"""What a real machine does at this moment, in a real browser: graphs that move, programs ended by an approved fix, services."""

import re
import subprocess
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.kit.console_page import ConsolePage
from tests.kit.display import virtual_display
from tests.kit.terminal import Terminal
from tests.kit.waiting import PATIENCE
from tests.kit.world import World

pytestmark = [pytest.mark.display, pytest.mark.browser]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ConsolePage, Terminal]]:
    world = World(tmp_path_factory.mktemp("w"))
    try:
        with virtual_display(800, 600) as display:
            address = world.everything(display.name)
            person = world.user("attend")
            person.expect("Waiting for technicians")
            with ConsolePage(address, width=1280, height=800) as page:
                page.ask("Reception PC", "a look at the machine")
                person.expect("Your answer")
                person.type("c\n")
                page.wait_for_picture()
                yield page, person
                assert page.problems == []
    finally:
        world.stop()


@pytest.fixture
def page(people: tuple[ConsolePage, Terminal]) -> ConsolePage:
    return people[0]


def test_graphs_move_and_say_in_words_what_they_show(page: ConsolePage) -> None:
    page.page.locator("#tab-system").click()
    graphs = page.page.locator(".graph")
    expect(graphs).to_have_count(4)
    expect(page.page.get_by_role("figure", name="Processor: ")).to_contain_text("%")
    expect(page.page.get_by_role("figure", name="Memory: ")).to_contain_text("GiB")
    pixels = "document.querySelector('.graph canvas').getContext('2d').getImageData(0, 0, 400, 128).data"
    drawn = f"() => {pixels}.some(part => part > 0)"
    page.page.wait_for_function(drawn)
    before = page.page.evaluate("document.querySelector('.graph canvas').toDataURL()")
    page.page.wait_for_function("before => document.querySelector('.graph canvas').toDataURL() !== before", arg=before)
    expect(page.page.locator(".panel-system .facts")).to_contain_text("threads")


def test_a_program_is_found_and_ended_by_the_approved_fix(people: tuple[ConsolePage, Terminal]) -> None:
    page, person = people
    page.page.locator("#tab-system").click()
    page.page.get_by_role("radio", name="Processes").click()
    with subprocess.Popen(["/bin/sleep", "600"]) as victim:
        try:
            page.page.get_by_label("Search programs and users").fill("sleep")
            row = page.page.get_by_role("row").filter(has_text=re.compile(rf"(?<!\d){victim.pid} ·"))
            expect(row).to_be_visible()
            row.get_by_role("button", name="End").click()
            page.page.get_by_role("button", name="Ask for it").click()  # beside the fix that is filled in already
            person.expect(r"Allow it\? \[y/N\]")
            person.type("y\n")
            expect(page.page.get_by_label("Process id")).to_have_value(str(victim.pid))
            expect(page.page.get_by_label("Name of the process")).to_have_value("sleep")
            page.page.locator(".fix-form").get_by_role("button", name="Run fix").click()
            person.expect(r"Allow it\? \[y/N\]")
            person.type("y\n")
            expect(page.page.locator(".result-head strong")).to_have_text("Fixed")
            assert victim.wait(PATIENCE) == -15
        finally:
            victim.kill()
    page.page.locator("#tab-system").click()
    page.page.get_by_label("Search programs and users").fill("no program has this name")
    expect(page.page.get_by_text("No such program")).to_be_visible()


def test_where_there_is_no_service_manager_the_page_says_so(page: ConsolePage) -> None:
    page.page.locator("#tab-system").click()
    page.page.get_by_role("radio", name="Services").click()
    end = time.monotonic() + PATIENCE
    words = page.page.locator(".panel-system")
    while not (words.locator(".services li").count() or words.get_by_text("not started by systemd").count()):
        assert time.monotonic() < end, words.inner_text()
        page.page.wait_for_timeout(50)
