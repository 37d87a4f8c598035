"""The page's files: served by exact path, of fixed types, and inert against text from devices."""

import re
from pathlib import Path

import pytest
from aiohttp import web

from technician_client.console.assets import WEB_DIRECTORY, add_assets, read_assets

OUR_SCRIPTS = sorted((WEB_DIRECTORY / "js").rglob("*.js"))


def test_index_is_the_root_and_everything_it_names_is_there() -> None:
    assets = {asset.path: asset for asset in read_assets()}
    index = assets["/"].body.decode()
    for path in re.findall(r'(?:href|src)="([^"]+)"', index):
        assert path in assets, path
    assert assets["/js/main.js"].content_type == "text/javascript"


def test_every_import_leads_to_a_file_that_is_served() -> None:
    served = {asset.path for asset in read_assets()}
    for file in [*OUR_SCRIPTS, *(WEB_DIRECTORY / "vendor").glob("*.js")]:
        for name in re.findall(r'(?:from|import)\s*"([^"\n]+)"', file.read_text("utf-8")):
            target = "/" + (file.parent / name).resolve().relative_to(WEB_DIRECTORY).as_posix()
            assert name.startswith(".") and target in served, (file.name, name)


def test_only_kinds_for_browsers_are_served(tmp_path: Path) -> None:
    for name in ("index.html", "a.js", "a.d.ts", "lock.json", "notes.md", ".hidden"):
        (tmp_path / name).write_text("x")
    assert [asset.path for asset in read_assets(tmp_path)] == ["/a.js", "/"]


def test_each_asset_has_one_exact_route() -> None:
    application = web.Application()
    assets = read_assets()
    add_assets(application, assets)
    resources = list(application.router.resources())
    assert all(isinstance(resource, web.PlainResource) for resource in resources)
    assert {resource.canonical for resource in resources} == {asset.path for asset in assets}


def test_the_page_works_under_its_policy() -> None:
    index = (WEB_DIRECTORY / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", index)
    for file in OUR_SCRIPTS:
        text = file.read_text("utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML|\beval\(|new Function", text
        ), file
        assert not re.search(r"\sstyle=\$?\{?[\"'`]", text), f"{file.name}: styles are set as properties"
        assert "http://" not in text and "https://" not in text, f"{file.name} names another host"


def test_no_module_is_longer_than_a_module_may_be() -> None:
    for file in OUR_SCRIPTS:
        assert len(file.read_text("utf-8").splitlines()) <= 600, file.name


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


TEXT_ON = {
    "ink": ("paper", "card", "raised", "sunken", "accent-soft", "good-soft", "warn-soft", "poor-soft"),
    "ink-soft": ("paper", "card", "raised", "sunken"),
    "accent": ("card", "raised", "accent-soft"),
    "on-accent": ("accent", "accent-strong"),
    "good": ("card", "good-soft"),
    "warn": ("card", "warn-soft"),
    "poor": ("card", "raised", "poor-soft"),
    "info": ("info-soft",),
}


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize(("text", "ground"), [(text, ground) for text, grounds in TEXT_ON.items() for ground in grounds])
def test_text_can_be_read_on_its_ground(scheme: int, text: str, ground: str) -> None:
    """WCAG 2.2 AA: 4.5 to 1, light and dark."""
    css = (WEB_DIRECTORY / "css/base.css").read_text("utf-8")
    tokens = {name: pair for name, *pair in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)}
    high, low = sorted((luminance(tokens[text][scheme]), luminance(tokens[ground][scheme])), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5
