"""Terminals, ports and the log in the console: a real Chromium, a real relay, real programs; a reload and a cut in between."""

import os
import re
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.integration.test_shell import TERMINALS, a_long_file
from tests.kit.console_page import ConsolePage
from tests.kit.processes import free_port
from tests.kit.services import Service, a_service
from tests.kit.waiting import eventually
from tests.kit.world import World, assisted_world

SCREENS = Path(__file__).parents[2] / "build" / "screens"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    rules = ("--unattended", "terminal,forward,diagnostics", "--forward-to", "printer.example:631")
    with assisted_world(tmp_path_factory.mktemp("world"), None, *rules, extra=TERMINALS) as world:
        world.try_often()
        yield world


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
            found = eventually(lambda: re.search(pattern, self.text), f"{pattern} on the screen", every=0.05)
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
    expect(page.locator(".terminal-screen:visible .xterm-rows")).to_be_visible()
    one = Screen(console)
    one.until(r"\$")
    page.locator(".terminal-screen:visible .xterm").click()
    one.type("cd /; export LC_ALL=C.UTF-8 PS1='ready> '; clear")
    one.until("^ready>")
    return one


@pytest.fixture
def long_file() -> Iterator[Path]:
    with a_long_file() as path:
        yield path


def test_what_is_typed_and_printed_is_what_stands_there(screen: Screen) -> None:
    screen.type("echo $((6*7)): é🙂日本 && printf '\\e[38;2;250;120;0mtrue colour\\e[0m \\e[31mred\\e[0m\\n'")
    screen.until(r"42: é🙂\s?日\s?本")
    span = screen.page.locator(".xterm-rows span", has_text=re.compile("^true colour$"))
    assert span.evaluate("span => getComputedStyle(span).color") == "rgb(181, 87, 0)"  # as asked, darker for contrast
    assert not screen.console.problems


def test_a_full_screen_program_fills_the_window_and_follows_it(screen: Screen, long_file: Path) -> None:
    screen.type(f"vim -u NONE -N {long_file}")
    screen.until(r"service-3\b")
    screen.console.screenshot(SCREENS / "terminal-vim-light.png")
    screen.page.keyboard.type(":set nu laststatus=2")
    screen.page.keyboard.press("Enter")
    screen.until(r"\n +35 ")
    screen.page.set_viewport_size({"width": 1500, "height": 500})
    eventually(lambda: not re.search(r"\n +35 ", screen.text), "it has fewer lines")
    screen.page.set_viewport_size({"width": 1500, "height": 900})
    screen.until(r"\n +35 ")
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
    screen.until(r"\^C\w*\s*\nready> *$")  # it may stand over the beginning of a line that was cut off there


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
    expect(screen.page.get_by_text("Reconnecting").first).to_be_visible()
    screen.page.locator(".terminal-screen:visible .xterm").click()
    screen.page.keyboard.insert_text("echo typed-while-away")
    world.start_relay()
    screen.until(r"done\n")
    assert "".join(screen.text.split()).count(",".join(str(number) for number in range(1, 41)) + ",done") == 1
    screen.page.keyboard.press("Enter")
    screen.until(r"\ntyped-while-away\s*\nready>")


def test_what_was_printed_long_ago_is_found(screen: Screen) -> None:
    page = screen.page
    screen.type("clear; echo needle-$((100+11)); seq 1 400; echo needle-$((200+22))")
    screen.until(r"needle-222\s*\nready> *$")
    assert "needle-111" not in screen.text
    page.keyboard.press("Control+Shift+F")
    page.get_by_label("Words that were printed").fill("NEEDLE-")
    found = page.locator(".terminal-found")
    expect(found).to_have_text(re.compile("^1 of [0-9]+$"))
    count = int(found.inner_text().rpartition(" ")[2])
    for number in range(2, count + 1):
        page.keyboard.press("Enter")
        expect(found).to_have_text(f"{number} of {count}")
    screen.until("needle-111")  # the oldest, or the next line after it; one more Enter would begin anew
    screen.console.screenshot(SCREENS / "terminal-search-light.png")
    page.keyboard.press("Shift+Enter")
    page.get_by_label("Words that were printed").fill("nowhere")
    expect(found).to_have_text("Not found")
    page.keyboard.press("Escape")
    screen.type("")
    screen.until(r"ready> *$")


def test_several_terminals_are_tabs_and_each_ends_with_its_button(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("button", name="New terminal", exact=True).click()
    expect(page.locator(".terminal-tab")).to_have_count(2)
    screen.until(r"\$")
    page.locator(".terminal-screen:visible .xterm").click()
    screen.type("echo second; exit")
    expect(page.get_by_text("The program has ended.")).to_be_visible()
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
    page.wait_for_function("document.activeElement.getAttribute('role') === 'tab'")
    closes = page.locator(".terminal-close")
    for left in (1, 0):
        closes.last.click()
        expect(closes).to_have_count(left)
    expect(page.get_by_text("No terminal is open")).to_be_visible()
    assert not screen.console.problems


@pytest.fixture(scope="module")
def log_file() -> Iterator[Path]:
    """A log of this computer that policy lets be read, written by the test."""
    path = Path(f"/var/log/handrail-{secrets.token_hex(6)}.log")
    path.write_text(
        "Nov 22 02:00:00 desk sshd[5]: a connection was opened\n"
        "Nov 22 02:00:00 desk backup[6]: error: the disk is full\n"
        "Nov 22 02:00:00 desk backup[6]: warning: it is tried again\n"
    )
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    one = a_service(tmp_path_factory.mktemp("service"))
    yield one
    one.stop()


def knock(port: int) -> bytes:
    """What comes from a port here before it is closed."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        try:
            return connection.recv(100)
        except ConnectionError:
            return b""


def forward(console: ConsolePage, port: int, here: str = "") -> int:
    """Forward a port by the form; returns the number here."""
    form = console.page.get_by_role("form", name="Forward a port")
    form.get_by_label("Port on the device").fill(str(port))
    form.get_by_label("Port here").fill(here)
    form.get_by_role("button", name="Forward").click()
    row = console.page.locator(".port").filter(has_text=f"port {port} of")
    return int(row.locator("strong").inner_text().partition(":")[2])


def test_a_service_of_the_device_is_reached_from_here_counted_and_stopped(console: ConsolePage, service: Service) -> None:
    page = console.page
    page.locator("#tab-ports").click()
    page.locator("#panel-ports").get_by_role("button", name="Ask for it").click()
    here = forward(console, service.port)
    assert here != service.port, "that number is taken on this computer, by the service itself"
    rows = page.locator(".port")
    expect(rows.first).to_contain_text("Nothing has connected yet")
    assert service.ask(here) == service.answer
    expect(rows.first).to_contain_text(re.compile(r"1 connection, 0 open . [1-9].* there . [1-9].* back"))

    chosen, nobody = free_port(), free_port()
    assert forward(console, nobody, here=str(chosen)) == chosen
    assert knock(chosen) == b""
    expect(rows.nth(1)).to_contain_text("Nothing listens on")
    # What the policy allows is offered, and what it does not is refused before a port is listened on.
    page.get_by_role("button", name="printer.example:631").click()
    expect(page.get_by_label("Its name or address")).to_have_value("printer.example")
    expect(page.get_by_label("Port on the device")).to_have_value("631")
    page.get_by_label("Port on the device").fill("80")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="does not let printer.example:80 be reached")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="it allows printer.example:631.")).to_be_visible()
    page.get_by_label("Its name or address").fill("")
    page.get_by_label("Port on the device").fill("70000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="from 1 to 65535")).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        console.screenshot(SCREENS / f"ports-{scheme}.png")
    page.emulate_media(color_scheme="light")

    page.reload()
    expect(rows).to_have_count(2)
    assert service.ask(here) == service.answer, "a page that is loaded anew changes nothing"
    page.get_by_label(f"Stop 127.0.0.1:{here}").click()
    expect(rows).to_have_count(1)
    with pytest.raises(ConnectionRefusedError):
        knock(here)
    assert not console.problems


def test_the_log_of_the_device_is_followed_filtered_and_held(console: ConsolePage, log_file: Path) -> None:
    page = console.page
    page.locator("#tab-logs").click()
    panel = page.locator("#panel-logs")
    panel.get_by_role("combobox", name="Log").select_option(str(log_file))
    panel.get_by_role("button", name="Apply").click()
    lines = panel.locator(".log-line")
    expect(lines).to_have_count(3)
    expect(lines.nth(1)).to_have_class(re.compile("log-error"))
    with log_file.open("a") as log:
        log.write("Nov 22 02:00:01 desk cron[7]: <img src=x onerror=alert(1)> ran\n")
    expect(lines.last).to_contain_text("<img src=x onerror=alert(1)> ran")
    assert panel.locator("img").count() == 0
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        console.screenshot(SCREENS / f"log-{scheme}.png")
    page.emulate_media(color_scheme="light")

    panel.get_by_role("button", name="Pause").click()
    with log_file.open("a") as log:
        log.write("Nov 22 02:00:02 desk cron[7]: while it is held\n")
    expect(panel.get_by_text("1 more have come")).to_be_visible()
    expect(lines).to_have_count(4)
    panel.get_by_role("button", name="Follow").click()
    expect(lines.last).to_contain_text("while it is held")

    panel.get_by_role("searchbox", name="Text").fill("DISK")
    page.keyboard.press("Enter")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("error: the disk is full")
    assert not console.problems
