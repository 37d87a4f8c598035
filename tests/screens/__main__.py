"""Draws every scene of `tests.kit.console_gallery` in light and dark into build/screens/.

python -m tests.screens [NAME...]     only those whose name holds one of the words
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import click
from playwright.async_api import Browser, async_playwright

from tests.kit.console_gallery import SCENES, Scene
from tests.kit.console_page import launched
from tests.kit.console_window import console_window

TARGET = Path("build/screens")
THEMES = ("light", "dark")


async def draw(browser: Browser, scene: Scene, theme: str, target: Path) -> Path:
    """One picture of one scene; returns its file."""
    with tempfile.TemporaryDirectory() as home:
        options = scene.options | {"color_scheme": theme, "reduced_motion": "reduce"}
        async with console_window(browser, Path(home), **options) as technician:
            await scene.arrive(technician)
            await technician.page.evaluate("document.fonts.ready")
            file = target / f"{scene.name}-{theme}.png"
            await technician.page.screenshot(path=str(file), animations="disabled")
            return file


async def main(words: list[str]) -> None:
    """Draw what is asked for."""
    TARGET.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await launched(playwright)
        for scene in SCENES:
            if words and not any(word in scene.name for word in words):
                continue
            for theme in THEMES:
                click.echo(await draw(browser, scene, theme, TARGET))
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
