"""A small machine of recorded files, put in the place of `/` for probes."""

import time
from pathlib import Path

from agent.diagnostics.probe import Environment

RECORDED = Path(__file__).parent.parent / "unit" / "agent" / "diagnostics" / "recorded"


def recorded(name: str) -> str:
    """The text of a recording."""
    return (RECORDED / name).read_text()


def recorded_bytes(name: str) -> bytes:
    """The bytes of a recording."""
    return (RECORDED / name).read_bytes()


def machine(
    root: Path, files: dict[str, str] | None = None, tools: dict[str, str] | None = None, **fields: object
) -> Environment:
    """An environment whose `/` is `root` with `files` in it, whose tools are shell scripts with the given texts, and where
    rates are measured over a moment."""
    for path, text in (files or {}).items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    bin_directory = root / "tools"
    bin_directory.mkdir(exist_ok=True)
    for name, text in (tools or {}).items():
        tool = bin_directory / name
        tool.write_text(f"#!/bin/sh\n{text}\n")
        tool.chmod(0o755)
    values: dict[str, object] = {
        "wall": time.time,
        "root": root,
        "home": root / "home",
        "sample_seconds": 0.01,
        "path": str(bin_directory),
        **fields,
    }
    return Environment(**values)  # type: ignore[arg-type]  # the names are those of the dataclass
