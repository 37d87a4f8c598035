"""Another page in the same browser, cookie and all, can do nothing with the console (security.md row 27)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import expect

from tests.integration.console.conftest import Open
from tests.kit.console_page import new_context

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ATTEMPTS = """async (console) => {
  const socket = (path) => new Promise((done) => {
    const made = new WebSocket(console.replace("http", "ws") + path);
    made.onopen = () => done("open");
    made.onerror = () => done("refused");
  });
  const load = (tag, attribute, path) => new Promise((done) => {
    const made = document.createElement(tag);
    made.onload = () => done("loaded");
    made.onerror = () => done("refused");
    made[attribute] = console + path;
    document.body.append(made);
  });
  const wish = JSON.stringify({device: "k3v9w2m4x7q1", wanted: ["view"]});
  const seen = (answer) => answer.type + answer.status;
  const ask = (options) => fetch(console + "/api/v1/sessions", options).then(seen, () => "refused");
  return {
    read: await ask({credentials: "include"}),
    blind: await ask({credentials: "include", mode: "no-cors", method: "POST", body: wish}),
    open: await ask({credentials: "include", method: "POST", body: wish}),
    end: await ask({credentials: "include", method: "DELETE"}),
    live: await socket("/api/v1/live"),
    script: await load("script", "src", "/js/main.js"),
    image: await load("img", "src", "/icons/handrail.svg"),
  };
}"""


@asynccontextmanager
async def stranger() -> AsyncIterator[str]:
    """A page on another port of the same address: same site, other origin."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>stranger</title><body></body>", content_type="text/html")

    application = web.Application()
    application.router.add_get("/", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    finally:
        await runner.cleanup()


async def test_a_page_on_another_port_is_a_stranger(open_console: Open) -> None:
    async with open_console() as technician, stranger() as origin:
        other = await technician.page.context.new_page()
        await other.goto(origin)
        result = await other.evaluate(ATTEMPTS, technician.address.origin)
        assert result["blind"] in ("opaque0", "refused")  # what it did is seen below
        assert {name: said for name, said in result.items() if name != "blind"} == dict.fromkeys(
            ("read", "open", "end", "live", "script", "image"), "refused"
        )
        assert technician.relay.opened == []


async def test_the_console_is_shown_in_no_frame(open_console: Open) -> None:
    async with open_console() as technician, stranger() as origin:
        other = await technician.page.context.new_page()
        await other.goto(origin)
        await other.evaluate(
            "(console) => document.body.append(Object.assign(document.createElement('iframe'), {src: console + '/'}))",
            technician.address.origin,
        )
        framed = await (await other.wait_for_selector("iframe")).content_frame()
        assert framed is not None
        await framed.wait_for_load_state()
        await expect(framed.get_by_text("Connect by code")).to_have_count(0)


async def test_without_the_file_there_is_only_a_locked_door(open_console: Open) -> None:
    async with open_console() as technician:
        browser = technician.page.context.browser
        assert browser is not None
        context = await new_context(browser)
        page = await context.new_page()
        await page.goto(technician.address.origin)
        await expect(page.get_by_text("This console is locked")).to_be_visible()
        await context.close()


async def test_the_link_works_once_and_the_file_again(open_console: Open) -> None:
    async with open_console() as technician:
        browser = technician.page.context.browser
        assert browser is not None
        context = await new_context(browser)
        page = await context.new_page()
        link = Path(technician.address.file).read_text("utf-8").split('href="')[1].split('"')[0]
        await page.goto(link)
        await page.get_by_role("heading", name="Connect by code").wait_for()
        await page.goto(link)
        await expect(page.get_by_text("This link has been used already")).to_be_visible()
        await page.goto(technician.address.file.as_uri())
        await page.get_by_role("heading", name="Connect by code").wait_for()
        await context.close()


async def test_the_page_can_run_no_foreign_or_inline_script(open_console: Open) -> None:
    async with open_console() as technician:
        blocked = await technician.page.evaluate(
            """() => new Promise((done) => {
              const seen = [];
              document.addEventListener("securitypolicyviolation", ({effectiveDirective}) => seen.push(effectiveDirective));
              const image = new Image();
              image.src = "https://example.org/x.png";
              fetch("https://example.org/").catch(() => {});
              try { document.body.innerHTML = "<b>x</b>"; } catch { seen.push("innerHTML"); }
              const wanted = ["img-src", "connect-src", "innerHTML"];
              const enough = () => wanted.every((one) => seen.includes(one)) || performance.now() > end;
              const look = () => (enough() ? done(seen) : setTimeout(look, 20));
              const end = performance.now() + 60000;
              look();
            })"""
        )
        assert {"img-src", "connect-src", "innerHTML"} <= set(blocked)
        technician.problems.clear()  # the browser's own words about what it blocked just now
