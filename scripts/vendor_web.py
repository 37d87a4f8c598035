"""Copy the console's few libraries from node_modules to technician_client/console/web/vendor and write their lock.

Run after `npm ci` (which has checked each package against package-lock.json). A browser knows no bare module names, so that
`from "preact"` becomes `from "./preact.js"`; nothing else is changed. `vendor/lock.json` names each package with its version,
licence and integrity, and each file with its source and SHA-256; a test holds the directory to it.
"""

import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "technician_client/console/web/vendor"

# package -> {source file in the package: file in vendor/}
FILES = {
    "preact": {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "preact-hooks.js", "LICENSE": "preact.LICENSE"},
    "htm": {"dist/htm.mjs": "htm.js", "LICENSE": "htm.LICENSE"},
    "@preact/signals-core": {"dist/signals-core.mjs": "signals-core.js", "LICENSE": "signals-core.LICENSE"},
    "@preact/signals": {"dist/signals.mjs": "signals.js", "LICENSE": "signals.LICENSE"},
    "@xterm/xterm": {"lib/xterm.mjs": "xterm.js", "css/xterm.css": "xterm.css", "LICENSE": "xterm.LICENSE"},
    "@xterm/addon-fit": {"lib/addon-fit.mjs": "xterm-fit.js", "LICENSE": "xterm-fit.LICENSE"},
    "uplot": {"dist/uPlot.esm.js": "uplot.js", "dist/uPlot.min.css": "uplot.css", "LICENSE": "uplot.LICENSE"},
}
SPECIFIERS = {
    "preact": "./preact.js",
    "preact/hooks": "./preact-hooks.js",
    "htm": "./htm.js",
    "@preact/signals-core": "./signals-core.js",
}


def served(text: str) -> str:
    """The module with relative specifiers and without the reference to a source map that is not there."""

    def relative(match: re.Match[str]) -> str:
        return f'{match[1]}"{SPECIFIERS[match[2]]}"'

    text = re.sub(r'(\bfrom\s*|\bimport\s*)"(@?[a-z][a-z0-9/._-]*)"', relative, text)
    return re.sub(r"\s*//# sourceMappingURL=\S+\s*", "\n", text)


def main() -> None:
    """Write vendor/ anew."""
    locked = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    packages = []
    for name, files in FILES.items():
        entry = locked[f"node_modules/{name}"]
        described = []
        for source, target in files.items():
            text = (MODULES / name / source).read_text("utf-8")
            if target.endswith(".js"):
                text = served(text)
            (VENDOR / target).write_text(text, "utf-8")
            described.append({"path": target, "from": source, "sha256": hashlib.sha256(text.encode()).hexdigest()})
        packages.append(
            {
                "name": name,
                "version": entry["version"],
                "licence": entry["license"],
                "integrity": entry["integrity"],
                "files": described,
            }
        )
    (VENDOR / "lock.json").write_text(json.dumps({"packages": packages}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
