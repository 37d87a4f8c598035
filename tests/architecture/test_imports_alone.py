"""Every module can be the first of ours that is imported: no order hides a circle."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import ROOT, modules

ALONE = """
import gc, importlib, json, os, sys, traceback
from importlib.machinery import SourceFileLoader

names = json.loads(sys.stdin.read())
before, ours = set(sys.modules), {name.partition(".")[0] for name in names}

# One child loads everything, to learn which modules of others ours ask for.
read, write = os.pipe()
if os.fork() == 0:
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException:
            continue  # said below, alone
    with os.fdopen(write, "w") as answer:
        json.dump([name for name in sys.modules if name not in before and name.partition(".")[0] not in ours], answer)
    os._exit(0)
os.close(write)
with os.fdopen(read) as answer:
    others = json.load(answer)
os.wait()

# Theirs are loaded, and the text of ours is read, once instead of in each child. Nothing of ours is run here.
for name in others:
    try:
        importlib.import_module(name)
    except ImportError:
        continue  # made while another was loaded, and not to be had by itself
get_code, codes = SourceFileLoader.get_code, {}

def kept(self, name):
    return codes[name] if name in codes else get_code(self, name)

for name in names:
    path = os.path.join(*name.split("."))
    path = os.path.join(path, "__init__.py") if os.path.isdir(path) else path + ".py"
    codes[name] = get_code(SourceFileLoader(name, os.path.abspath(path)), name)
SourceFileLoader.get_code = kept
assert not [name for name in sys.modules if name.partition(".")[0] in ours], "something of ours is loaded before its turn"
gc.collect()
gc.freeze()
gc.disable()

failed = []
for name in names:
    if (child := os.fork()) == 0:
        try:
            importlib.import_module(name)
        except BaseException:
            print(f"--- {name} cannot be imported first:", file=sys.stderr)
            traceback.print_exc(limit=-6)
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        failed.append(name)
sys.exit(f"{len(failed)} of {len(names)} fail: {', '.join(failed)}" if failed else 0)
"""


def import_alone(names: list[str], folder: Path = ROOT) -> str:
    """Import each in a process of its own, forked from one that has imported nothing of ours, so that no order hides a circle.

    Returns:
        What went wrong, or nothing.
    """
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    argv = [sys.executable, "-c", ALONE]
    result = subprocess.run(
        argv, cwd=folder, env=environment, input=json.dumps(names), capture_output=True, text=True, check=False, timeout=500
    )
    return result.stdout + result.stderr if result.returncode else ""


def test_every_module_imports_alone() -> None:
    assert import_alone([module.name for module in modules() if not module.name.endswith("__main__")]) == ""


def test_a_circle_is_found_and_named(tmp_path: Path) -> None:
    """One that no order but its own shows: whoever begins with the other end never meets it."""
    package = tmp_path / "circular"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "begins.py").write_text("from circular.ends import late\nearly = 1\n")
    (package / "ends.py").write_text("import circular.begins\nfrom circular.begins import early\nlate = early\n")
    (package / "fine.py").write_text("import circular\n")
    said = import_alone(["circular", "circular.fine", "circular.begins"], tmp_path)
    assert "circular.begins cannot be imported first" in said
    assert "cannot import name 'early'" in said
    assert "1 of 3 fail: circular.begins" in said
