"""The files of the page: read once, served by exact path, so that no path of a request ever reaches the file system."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

# Fixed here because the types that an operating system has registered may be wrong, and a module of a wrong type does not run.
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
WEB_DIRECTORY: Final = Path(__file__).parent / "web"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    path: str
    content_type: str
    body: bytes


def read_assets(directory: Path = WEB_DIRECTORY) -> list[Asset]:
    """Every servable file below `directory`; `index.html` becomes "/". Other kinds of file are left out."""
    assets = []
    for file in sorted(directory.rglob("*")):
        content_type = _TYPES.get(file.suffix)
        if content_type is None or not file.is_file():
            continue
        name = file.relative_to(directory).as_posix()
        assets.append(Asset("/" if name == "index.html" else f"/{name}", content_type, file.read_bytes()))
    return assets


def add_assets(application: web.Application, assets: list[Asset]) -> None:
    """One GET route for each asset, and no other."""
    for asset in assets:
        application.router.add_get(asset.path, _handler(asset))


def _handler(asset: Asset) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def give(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=asset.body, content_type=asset.content_type, charset="utf-8")

    return give
