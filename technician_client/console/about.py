"""What this console is made of: its version and the libraries with their licences, read from what is installed."""

import importlib.metadata
import sys
from typing import Final

import msgspec

from protocol.version import PRODUCT
from technician_client.console.assets import WEB_DIRECTORY

LIBRARIES: Final = (
    "aiohttp",
    "av",
    "click",
    "cryptography",
    "keyring",
    "msgspec",
    "numpy",
    "platformdirs",
    "pyOpenSSL",
    "rich",
    "securesystemslib",
    "spake2",
    "tuf",
    "websockets",
    "zstandard",
)
"""Distributions that the technician's side imports, by name; those that are not installed are left out."""

LICENCE: Final = "AGPL-3.0-or-later"
_LICENCE_CHARS: Final = 60


class _Vendored(msgspec.Struct):
    name: str
    version: str
    licence: str


class _Lock(msgspec.Struct):
    packages: list[_Vendored]


def about() -> dict[str, object]:
    """Product, Python, and [{name, version, licence}] of the libraries of the program and of the page. Reads files: run it in a
    worker thread."""
    lock = msgspec.json.decode((WEB_DIRECTORY / "vendor" / "lock.json").read_bytes(), type=_Lock)
    page = [{"name": one.name, "version": one.version, "licence": one.licence} for one in lock.packages]
    program = [row for name in LIBRARIES if (row := _installed(name)) is not None]
    return {
        "product": PRODUCT,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "program": program,
        "page": page,
        "licence": LICENCE,
    }


def _installed(name: str) -> dict[str, str] | None:
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None

    def first(field: str) -> str:
        return str((metadata.get_all(field) or [""])[0])

    classified = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or [] if line.startswith("License :: ")]
    written = first("License").strip().splitlines() or [""]
    licence = first("License-Expression") or "; ".join(classified) or written[0] or "see its distribution"
    return {"name": first("Name"), "version": first("Version"), "licence": licence[:_LICENCE_CHARS]}
