"""Files and the clipboard in a real Chromium, with the device's own parts behind the console."""

import hashlib
import os
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import expect

from agent.features.clipboard import ClipboardFeature
from protocol.capabilities import Capability
from protocol.messages.clipboard import ClipboardChanged
from protocol.messages.input import Key
from tests.integration.console.conftest import Open
from tests.kit.file_wire import FileWire
from tests.kit.waiting import eventually_async
from tests.unit.technician_client.test_clipboards import Memory

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
BOTH = (Capability.VIEW, Capability.CHAT, Capability.FILES_IN, Capability.FILES_OUT)
CLIPBOARD = (Capability.VIEW, Capability.CONTROL, Capability.CLIPBOARD_IN, Capability.CLIPBOARD_OUT)


async def test_files_are_put_and_taken_by_hash(open_console: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, mine = tmp_path / "home", tmp_path / "mine"
    (home / "Documents").mkdir(parents=True)
    mine.mkdir()
    monkeypatch.setenv("HOME", str(home))
    data = os.urandom(1_200_000)
    (home / "Documents" / os.fsdecode(b"<b>odd\xff")).write_bytes(data)
    (mine / "new.bin").write_bytes(data[::-1])
    async with open_console(granted=BOTH) as technician:
        technician.session.channel = wire = FileWire(home)
        await technician.open_session()
        page = technician.page
        await page.locator("#tab-files").click()
        await page.get_by_role("button", name="Documents", exact=True).click()
        await expect(page.locator(".files-list")).to_contain_text("<b>odd\\xff")
        async with page.expect_download() as coming:
            await page.get_by_role("button", name="Take <b>odd").click()
        download = await coming.value
        assert hashlib.sha256(Path(await download.path()).read_bytes()).digest() == hashlib.sha256(data).digest()
        await page.get_by_label("Files to put there").set_input_files(mine / "new.bin")
        await expect(page.locator(".files-transfer.good")).to_have_count(2)
        assert (home / "Documents" / "new.bin").read_bytes() == data[::-1]
        await page.get_by_label("Files to put there").set_input_files(mine / "new.bin")
        await page.get_by_role("button", name="Keep both").click()
        await expect(page.locator(".files-list")).to_contain_text("new (2).bin")
        screens = Path("build/screens")
        screens.mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
            await page.screenshot(path=screens / f"files-{scheme}.png")
        await wire.close()


async def test_folders_go_both_ways(open_console: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, mine = tmp_path / "home", tmp_path / "mine"
    (home / "Documents" / "2026" / "empty").mkdir(parents=True)
    (mine / "tree" / "below").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    data = os.urandom(700_000)
    (home / "Documents" / "2026" / "report.odt").write_bytes(data)
    (mine / "tree" / "below" / "new.bin").write_bytes(data[::-1])
    async with open_console(granted=BOTH) as technician:
        technician.session.channel = wire = FileWire(home)
        await technician.open_session()
        page = technician.page
        await page.locator("#tab-files").click()
        async with page.expect_download() as coming:
            await page.get_by_role("button", name="Take Documents as a ZIP archive").click()
        download = await coming.value
        assert download.suggested_filename == "Documents.zip"
        archive = zipfile.ZipFile(await download.path())
        assert archive.namelist() == ["Documents/2026/report.odt", "Documents/2026/empty/"]
        assert archive.read("Documents/2026/report.odt") == data
        await expect(page.locator(".files-transfer.good")).to_have_count(1)
        await page.get_by_label("Folder to put there").set_input_files(mine / "tree")
        await expect(page.locator(".files-transfer.good")).to_have_count(2)
        assert (home / "tree" / "below" / "new.bin").read_bytes() == data[::-1]
        (mine / "dropped" / "nothing").mkdir(parents=True)
        (mine / "dropped" / "small.txt").write_bytes(b"small")
        box = await page.locator(".files").bounding_box()
        assert box is not None
        keys = await page.context.new_cdp_session(page)
        for kind in ("dragEnter", "dragOver", "drop"):
            dragged = {"items": [], "files": [str(mine / "dropped")], "dragOperationsMask": 1}
            await keys.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 40, "y": box["y"] + 90, "data": dragged})
        await expect(page.locator(".files-transfer.good")).to_have_count(3)
        assert (home / "dropped" / "small.txt").read_bytes() == b"small"
        await eventually_async((home / "dropped" / "nothing").is_dir, "the folder with nothing in it is there too")
        await wire.close()


async def test_the_clipboard_goes_both_ways(open_console: Open, tmp_path: Path) -> None:
    async with open_console(granted=CLIPBOARD) as technician:
        technician.session.channel = wire = FileWire(tmp_path, kind=ClipboardFeature)
        assert isinstance(wire.feature, ClipboardFeature)
        wire.feature._clipboard = there = Memory()
        await technician.open_session()
        page = technician.page
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.locator("#tab-clipboard").click()
        await page.evaluate("navigator.clipboard.writeText('von hier: Grüße')")
        await page.get_by_role("button", name="Put my clipboard there").click()
        await expect(page.locator(".clipboard-status")).to_have_text("The text is on the clipboard there.")
        assert there.data.decode() == "von hier: Grüße"
        there.data = b"<b>from there</b>"
        technician.session.say(ClipboardChanged(1, ["text"]))
        await page.get_by_role("button", name="Show it").click()
        await expect(page.locator(".clipboard-text")).to_have_text("<b>from there</b>")
        await page.get_by_role("button", name="Copy it to my clipboard").click()
        await expect(page.locator(".clipboard-status")).to_have_text("It is on your clipboard.")
        assert await page.evaluate("navigator.clipboard.readText()") == "<b>from there</b>"
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
            await page.screenshot(path=Path("build/screens") / f"clipboard-{scheme}.png")

        def pasted() -> list[tuple[str, bool]]:
            return [(one.code, one.pressed) for one in technician.session.of(Key)]

        await page.evaluate("navigator.clipboard.writeText('pasted into the picture')")
        await page.locator("#screen").click()
        await page.keyboard.press("Control+v")
        await eventually_async(lambda: len(pasted()) == 4, "the keys follow")
        assert there.data.decode() == "pasted into the picture"
        assert pasted() == [("ControlLeft", True), ("KeyV", True), ("KeyV", False), ("ControlLeft", False)]
        await wire.close()
