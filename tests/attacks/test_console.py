"""Row 27: a web page that the technician happens to visit, against the console that runs beside it. A real Chromium that is
logged in to the console, hostile pages on another port of the same computer, and names that point to it."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from technician_client.console.server import ConsoleAddress
from tests.kit.console import MemoryRelay, MemorySession, running_console, sample_rows
from tests.kit.console_page import launched, new_context
from tests.kit.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

EVIL_NAME = "rebind.example"
ATTACK = """
async ({origin, socket, wish}) => {
  const told = {};
  const attempt = async (name, work) => { try { told[name] = await work(); } catch (error) { told[name] = "refused: " + error.name; } };
  await attempt("read", async () => (await fetch(origin + "/api/v1/sessions", {credentials: "include"})).text());
  await attempt("page", async () => (await fetch(origin + "/", {credentials: "include"})).text());
  await attempt("simple post", async () => { await fetch(origin + "/api/v1/sessions", {method: "POST", mode: "no-cors", credentials: "include", body: wish}); return "sent"; });
  await attempt("json post", async () => (await fetch(origin + "/api/v1/sessions", {method: "POST", credentials: "include", body: wish, headers: {"Content-Type": "application/json"}})).text());
  await attempt("beacon", async () => String(navigator.sendBeacon(origin + "/api/v1/sessions", wish)));
  await attempt("delete", async () => (await fetch(origin + "/api/v1/sessions/x", {method: "DELETE", credentials: "include"})).text());
  await attempt("websocket", () => new Promise((done) => {
    const one = new WebSocket(socket + "/api/v1/live");
    one.onmessage = (event) => done("read: " + event.data);
    one.onerror = () => done("refused: closed");
    setTimeout(() => done("refused: nothing"), 3000);
  }));
  await attempt("frame", () => new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.src = origin + "/";
    frame.onload = () => { try { done(frame.contentDocument ? "read" : "refused: opaque"); } catch (error) { done("refused: " + error.name); } };
    document.body.append(frame);
    setTimeout(() => done("refused: nothing"), 3000);
  }));
  await attempt("script", () => new Promise((done) => {
    const script = document.createElement("script");
    script.src = origin + "/js/main.js";
    script.onload = () => done("read");
    script.onerror = () => done("refused: error");
    document.body.append(script);
  }));
  return told;
}
"""  # noqa: E501


@dataclass
class Desk:
    """A technician whose browser is logged in to the console."""

    relay: MemoryRelay
    address: ConsoleAddress
    context: BrowserContext

    @property
    def wish(self) -> str:
        """What opens a session, if it gets through."""
        device = next(iter(self.relay.rows))
        return json.dumps({"device": device, "wanted": ["view", "control"], "reason": "hello"})


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium, in which a hostile name points to this computer."""
    async with async_playwright() as playwright:
        browser = await launched(playwright, f"--host-resolver-rules=MAP {EVIL_NAME} 127.0.0.1")
        yield browser
        await browser.close()


Open = Callable[[], AbstractAsyncContextManager[Desk]]


@pytest.fixture
def desk(browser: Browser, tmp_path: Path) -> Open:
    """A console and a browser that was let in."""

    @asynccontextmanager
    async def begin() -> AsyncIterator[Desk]:
        session = MemorySession((), np.full((60, 80, 3), 60, np.uint8))
        relay = MemoryRelay(session, sample_rows(time.time()))
        relay.ready()
        async with running_console(relay, tmp_path) as address:
            context = await new_context(browser)
            page = await context.new_page()
            await page.goto(address.file.as_uri())
            await page.get_by_role("heading", name="Connect by code").wait_for()
            try:
                yield Desk(relay, address, context)
            finally:
                await context.close()

    return begin


@asynccontextmanager
async def hostile_page(body: str = "<h1>Prizes</h1>", headers: dict[str, str] | None = None) -> AsyncIterator[int]:
    """A page on another port of this computer; its port."""

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=f"<!doctype html><body>{body}</body>", content_type="text/html", headers=headers)

    application = web.Application()
    application.router.add_get("/", serve)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield port
    finally:
        await runner.cleanup()


async def visit(desk: Desk, url: str) -> Page:
    page = await desk.context.new_page()
    await page.goto(url)
    return page


async def attack(desk: Desk, page: Page) -> dict[str, str]:
    """Everything that script on a page can try; what each attempt got."""
    origin = desk.address.origin
    told: dict[str, Any] = await page.evaluate(
        ATTACK, {"origin": origin, "socket": origin.replace("http", "ws", 1), "wish": desk.wish}
    )
    return told


@pytest.mark.attack(27, without=["console_origin"])
async def test_a_page_on_another_port_gets_nothing_and_does_nothing(desk: Open) -> None:
    """The same site by the browser's reckoning, so that even a Strict cookie goes along."""
    async with desk() as one, hostile_page() as port:
        page = await visit(one, f"http://127.0.0.1:{port}/")
        told = await attack(one, page)
        assert one.relay.opened == []
        for name in ("read", "page", "json post", "delete", "websocket", "script"):
            assert told[name].startswith("refused"), told


@pytest.mark.attack(27, without=["console_origin"])
async def test_a_form_that_submits_itself_does_nothing(desk: Open) -> None:
    """No script needed: a form, in the top window, whose text is JSON."""
    async with desk() as one:
        name, value = one.wish[:-1] + ',"label":"', '"}'
        form = (
            f'<form id="f" method="post" enctype="text/plain" action="{one.address.origin}/api/v1/sessions">'
            f"<input name='{name}' value='{value}'></form><script>document.getElementById('f').submit()</script>"
        )
        async with hostile_page(form) as port:
            page = await one.context.new_page()
            await page.goto(f"http://127.0.0.1:{port}/")
            await page.wait_for_url(f"{one.address.origin}/**")
            assert one.relay.opened == []


@pytest.mark.attack(27, without=["console_guard"])
async def test_a_name_that_points_here_is_not_the_console(desk: Open) -> None:
    """DNS rebinding: the hostile name's page is now of the same origin as what it asks for."""
    async with desk() as one:
        port = one.address.port
        page = await one.context.new_page()
        answer = await page.goto(f"http://{EVIL_NAME}:{port}/api/v1/sessions")
        assert answer is not None
        assert answer.status == 403
        assert "sessions" not in await answer.text()
        async with hostile_page() as other:
            page = await visit(one, f"http://{EVIL_NAME}:{other}/")
            told: str = await page.evaluate(
                "(port) => new Promise((done) => { const one = new WebSocket(`ws://rebind.example:${port}/api/v1/live`);"
                " one.onmessage = () => done('read'); one.onerror = () => done('refused'); })",
                port,
            )
            assert told == "refused"


@pytest.mark.attack(27, without=["console_cookie"])
async def test_another_program_of_this_computer_is_not_let_in(desk: Open) -> None:
    """It can say whatever it likes about where it comes from; it does not have the cookie."""
    async with desk() as one, ClientSession() as http:
        own = {"Origin": one.address.origin, "Sec-Fetch-Site": "same-origin"}
        async with http.get(f"{one.address.origin}/api/v1/sessions", headers=own) as answer:
            assert answer.status == 401
        async with http.post(f"{one.address.origin}/api/v1/sessions", headers=own, data=one.wish) as answer:
            assert answer.status == 401
        assert one.relay.opened == []


@pytest.mark.attack(27, without=["console_token"])
async def test_the_link_that_lets_in_works_once_and_cannot_be_guessed(desk: Open) -> None:
    async with desk() as one, ClientSession() as http:
        for token in ("", "x", "undefined", "0" * 43):
            async with http.get(f"{one.address.origin}/open?token={token}") as answer:
                assert answer.status == 403
                assert "Set-Cookie" not in answer.headers


@pytest.mark.attack(27, without=["console_guard"])
async def test_the_console_is_not_shown_in_a_frame(desk: Open) -> None:
    """No click is stolen: not from another port, and the answer forbids it besides."""
    async with desk() as one, hostile_page() as port:
        page = await visit(one, f"http://127.0.0.1:{port}/")
        await page.evaluate(
            "(source) => new Promise((done) => { const frame = document.createElement('iframe'); frame.onload = () => done();"
            " frame.src = source; document.body.append(frame); })",
            f"{one.address.origin}/",
        )
        for frame in page.frames:
            await frame.wait_for_load_state()
        framed = [await frame.content() for frame in page.frames if frame is not page.main_frame]
        assert framed
        assert not any("main.js" in text for text in framed)


@pytest.mark.attack(27)
async def test_the_file_that_opens_the_console_is_the_users_alone(desk: Open) -> None:
    async with desk() as one:
        assert one.address.file.stat().st_mode & 0o077 == 0
        assert one.address.file.parent.stat().st_mode & 0o077 == 0
        arguments = Path("/proc/self/cmdline").read_bytes()
        token = one.address.file.read_text().partition("token=")[2].partition('"')[0]
        assert len(token) > 30
        assert token.encode() not in arguments
