"""The library against a real relay, signer and agent: what is published is shown, and a fix that a person allows comes back with
its proof."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.kit.console_page import ConsolePage
from tests.kit.world import World

pytestmark = [pytest.mark.browser]
ANSWERS = (
    (r"Your answer \[y/N\]", "y"),
    (r"is in\? \[y/N\]", "y"),
    (r"approved\? \[y/N\]", "y"),
    (r"Allow it\? \[y/N\]", "y"),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    try:
        yield world
    finally:
        world.stop()


def test_a_fix_from_the_library_on_a_device_with_its_proof(world: World, tmp_path: Path) -> None:
    address = world.everything(None)
    person = world.user("attend")
    person.expect("Waiting for technicians")
    with ConsolePage(address, width=1280, height=720) as console:
        page = console.page
        page.get_by_role("link", name="Library", exact=True).click()
        page.get_by_role("link", name="Empty the trash").click()
        expect(page.locator(".code-view")).to_contain_text("entries in the trash")
        expect(page.get_by_text("1 key of 1 needed")).to_be_visible()
        page.get_by_role("checkbox", name="Reception PC").check()
        page.get_by_label("Reason").fill("making room")
        page.get_by_role("button", name="Run on 1 device").click()
        for question, keys in ANSWERS:
            person.expect(question)
            person.type(keys + "\n")
        assert "making room" in person.text
        expect(page.get_by_text("1 of 1 device well")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        (row,) = csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8")))
        assert (row["label"], row["fix"], row["outcome"]) == ("Reception PC", "empty-trash", "not_needed")
        # What the session taught is in the list of devices: its group, and that somebody has looked.
        page.get_by_role("link", name="Devices", exact=True).click()
        expect(page.locator(".device-table tbody tr")).to_contain_text("default")
        expect(page.locator(".device-table tbody tr")).not_to_contain_text("Not checked yet")
        page.get_by_role("link", name="Settings", exact=True).click()
        expect(page.get_by_text("Example Ltd")).to_be_visible()
        until = page.locator(".facts").last.inner_text()
        page.get_by_role("button", name="Renew now").click()
        expect(page.get_by_text("Renewed.", exact=True)).to_be_visible()
        assert page.locator(".facts").last.inner_text() != "" and until != ""
        assert console.problems == []
    person.stop()
