"""The product's source files, parsed once for every architecture test."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("protocol", "hostio", "relay", "agent", "technician_client")


@dataclass(frozen=True)
class Module:
    """One Python module: its dotted name, its path and its syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    def imports(self) -> set[str]:
        """Dotted names of everything imported anywhere in the module (`from a import b` gives both a and a.b)."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            match node:
                case ast.Import(names=names):
                    found |= {name.name for name in names}
                case ast.ImportFrom(module=str(module), level=0, names=names):
                    found |= {module} | {f"{module}.{name.name}" for name in names}
                case ast.ImportFrom(level=level) if level:
                    found.add("." * level)
        return found


@cache
def modules() -> tuple[Module, ...]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "starter_fixes" in parts or "versions" in parts:
                continue  # scripts that are shipped and signed, and numbered migrations: neither is imported by name
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(Module(name, path, ast.parse(path.read_text(encoding="utf-8"), str(path))))
    return tuple(found)
