"""Terminals in the console: a real Chromium, a real relay, real programs; a reload and a cut in between."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.integration.test_shell import TERMINALS
from tests.kit.console_page import ConsolePage
from tests.kit.waiting import eventually
from tests.kit.world import World

pytestmark = pytest.mark.xdist_group("world-terminal-panel")
SCREENS = Path(__file__).parents[2] / "build" / "screens"
SECONDS = 20_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    try:
        told = world.start_relay()
        bundle = world.quickstart(told["token"], told["relay_spki"])
        passphrase = ("--passphrase-file", str(world.passphrase_file))
        world.handrail("org", "policy", "default", "--unattended", "terminal,forward,diagnostics", *passphrase)
        world.start_signer()
        world.enrol(bundle)
        world.start_agent(None, extra=TERMINALS)
        (world.home / "technician.toml").write_text("retry_first_seconds = 0.2\nretry_most_seconds = 1.0\n")
        yield world
    finally:
        world.stop()


@pytest.fixture(scope="module")
def console(world: World) -> Iterator[ConsolePage]:
    with ConsolePage(world.start_console(), width=1500, height=900) as page:
        page.page.get_by_label("Ask to help on Reception PC").first.click()
        dialog = page.page.get_by_role("dialog")
        dialog.get_by_role("radio", name="Diagnose only").check()
        dialog.get_by_role("button", name="Ask", exact=True).click()
        page.page.locator(".sessionbar").wait_for()
        yield page


class Screen:
    """The terminal that is shown."""

    def __init__(self, console: ConsolePage) -> None:
        self.page = console.page
        self.console = console

    @property
    def text(self) -> str:
        return self.page.locator(".terminal-screen:visible .xterm-rows").inner_text()

    def until(self, pattern: str) -> re.Match[str]:
        try:
            found = eventually(lambda: re.search(pattern, self.text), f"{pattern} on the screen", seconds=30, every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows {self.text!r}") from error
        assert found is not None
        return found

    def type(self, text: str) -> None:
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Enter")


@pytest.fixture(scope="module")
def screen(console: ConsolePage) -> Screen:
    page = console.page
    page.locator("#tab-terminal").click()
    page.locator("#panel-terminal").get_by_role("button", name="Ask for it").click()
    expect(page.locator(".terminal-screen:visible .xterm-rows")).to_be_visible(timeout=SECONDS)
    one = Screen(console)
    one.until(r"\$")
    page.locator(".terminal-screen:visible .xterm").click()
    one.type("cd /; export LC_ALL=C.UTF-8 PS1='ready> '; clear")
    one.until("^ready>")
    return one


def test_what_is_typed_and_printed_is_what_stands_there(screen: Screen) -> None:
    screen.type("echo $((6*7)): é🙂日本 && printf '\\e[38;2;250;120;0mtrue colour\\e[0m \\e[31mred\\e[0m\\n'")
    screen.until(r"42: é🙂\s?日\s?本")
    span = screen.page.locator(".xterm-rows span", has_text=re.compile("^true colour$"))
    assert span.evaluate("span => getComputedStyle(span).color") == "rgb(181, 87, 0)"  # as asked, darker for contrast
    assert not screen.console.problems


def test_a_full_screen_program_fills_the_window_and_follows_it(screen: Screen) -> None:
    screen.type("vim -u NONE -N /etc/services")
    screen.until(r"ftp")
    screen.console.screenshot(SCREENS / "terminal-vim-light.png")
    screen.page.keyboard.type(":set nu laststatus=2")
    screen.page.keyboard.press("Enter")
    screen.until(r"\n +20 ")
    screen.page.set_viewport_size({"width": 1500, "height": 500})
    eventually(lambda: not re.search(r"\n +20 ", screen.text), "it has fewer lines")
    screen.page.set_viewport_size({"width": 1500, "height": 900})
    screen.until(r"\n +20 ")
    screen.page.keyboard.press("Escape")
    screen.page.keyboard.type(":q!")
    screen.page.keyboard.press("Enter")
    screen.until("ready> *$")


def test_hostile_output_does_nothing_but_stand_there(screen: Screen) -> None:
    title = screen.page.title()
    titles, clipboard = "\\e]0;owned\\a\\e]2;owned\\a", "\\e]52;c;b3duZWQ=\\a"
    link = "\\e]8;;http://evil.example/\\aclick\\e]8;;\\a"
    screen.type(f"printf '{titles}{clipboard}{link} <img src=x onerror=alert(1)>\\n'")
    screen.until(r"click <img src=x onerror=alert\(1\)>\s*\n")
    assert screen.page.title() == title
    assert screen.page.locator(".xterm-rows a, .xterm-rows img").count() == 0
    assert not screen.console.problems


def test_ctrl_c_gets_through_a_flood(screen: Screen) -> None:
    screen.type("yes flooding")
    screen.until("flooding\nflooding\nflooding")
    screen.page.keyboard.press("Control+C")
    screen.until(r"\^C\s*\nready> *$")


def test_a_reload_shows_it_again_and_it_goes_on(screen: Screen) -> None:
    screen.type("clear; echo before:$$; for i in 1 2 3 4 5 6 7 8; do sleep 0.3; echo tick-$i; done")
    pid = screen.until(r"before:(\d+)")[1]
    screen.page.reload()
    screen.page.locator(".sessionbar").wait_for()
    screen.until(r"tick-8")
    assert [int(number) for number in re.findall(r"tick-(\d)", screen.text)] == [1, 2, 3, 4, 5, 6, 7, 8]
    screen.page.locator(".terminal-screen:visible .xterm").click()
    screen.type("echo after:$$")
    assert screen.until(r"\nafter:(\d+)")[1] == pid


def test_a_cut_of_the_connection_loses_and_doubles_nothing(world: World, screen: Screen) -> None:
    screen.type("clear; stty -echo; for i in $(seq 1 40); do echo -n $i,; sleep 0.1; done; echo done; stty echo")
    screen.until(r"\b3,")
    world.processes["relay"].kill()
    expect(screen.page.get_by_text("Reconnecting").first).to_be_visible(timeout=SECONDS)
    screen.page.locator(".terminal-screen:visible .xterm").click()
    screen.page.keyboard.insert_text("echo typed-while-away")
    world.start_relay()
    screen.until(r"done\n")
    assert "".join(screen.text.split()).count(",".join(str(number) for number in range(1, 41)) + ",done") == 1
    screen.page.keyboard.press("Enter")
    screen.until(r"\ntyped-while-away\s*\nready>")


def test_several_terminals_are_tabs_and_each_ends_with_its_button(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("button", name="New terminal", exact=True).click()
    expect(page.locator(".terminal-tab")).to_have_count(2)
    screen.until(r"\$")
    page.locator(".terminal-screen:visible .xterm").click()
    screen.type("echo second; exit")
    expect(page.get_by_text("The program has ended.")).to_be_visible(timeout=SECONDS)
    page.emulate_media(color_scheme="dark")
    screen.console.screenshot(SCREENS / "terminal-dark.png")
    page.emulate_media(color_scheme="light")
    page.get_by_role("tab", name="nobody" if os.geteuid() == 0 else "", exact=False).first.click()
    screen.until("ready>")
    page.get_by_label("Screen reader").check()
    expect(page.locator(".terminal-screen:visible .xterm-accessibility")).to_be_attached()
    page.get_by_label("Screen reader").uncheck()
    page.locator(".terminal-screen:visible .xterm").click()
    page.keyboard.press("Control+Alt+Shift+X")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "tab"
    for _ in range(2):
        page.locator(".terminal-close").last.click()
    expect(page.get_by_text("No terminal is open")).to_be_visible()
    assert not screen.console.problems
