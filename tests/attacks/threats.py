"""The table of protocol/THREATS.md, made of the rows and the tests that name them: `python -m tests.attacks.threats`."""

import ast
from pathlib import Path

from tests.attacks.rows import ROWS
from tests.kit.controls import CONTROLS

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "protocol" / "THREATS.md"
BEGIN, END = "<!-- table: made by python -m tests.attacks.threats -->\n", "<!-- end of the table -->\n"


def rows_shown() -> dict[int, dict[str, set[str]]]:
    """For each row its tests as "file::name", each with the controls that the second run takes away from it."""
    found: dict[int, dict[str, set[str]]] = {number: {} for number in ROWS}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.attack":
                    number = ast.literal_eval(mark.args[0])
                    controls = [ast.literal_eval(word.value) for word in mark.keywords if word.arg == "without"]
                    found[number].setdefault(f"{path.name}::{node.name}", set()).update(*controls)
    return found


def table() -> str:
    """Row by row: who, what, what stops it, and each test; tests in bold type were seen to fail without their control."""
    lines = ["| # | Attacker | Attempt | Control | Shown by |\n", "|---|---|---|---|---|\n"]
    for number, tests in rows_shown().items():
        row = ROWS[number]
        files: dict[str, list[str]] = {}
        for name, controls in sorted(tests.items()):
            file, _, test = name.partition("::")
            shown = test.removeprefix("test_").replace("_", " ")
            files.setdefault(file, []).append(f"**{shown}**" if controls else shown)
        shown_by = "<br>".join(f"`{file}`: {'; '.join(names)}" for file, names in files.items())
        lines.append(
            f"| {number} | {row.attacker} | {row.attempt} | {row.control} | {shown_by or f'not covered: {row.not_covered}'} |\n"
        )
    return "".join(lines)


def controls() -> str:
    """The controls that the second run takes away, one by one."""
    rows: dict[str, set[int]] = {}
    for number, tests in rows_shown().items():
        for names in tests.values():
            for name in names:
                rows.setdefault(name, set()).add(number)
    lines = ["| Control | Rows | Taken away by |\n", "|---|---|---|\n"]
    for name in sorted(rows):
        gone = (CONTROLS[name].take_away.__doc__ or "").strip().rstrip(".")
        lines.append(f"| {CONTROLS[name].what} | {', '.join(map(str, sorted(rows[name])))} | `{name}`: {gone.lower()} |\n")
    return "".join(lines)


def generated() -> str:
    """Everything between the markers."""
    return f"{BEGIN}\n{table()}\n### Controls that are taken away in the second run\n\n{controls()}\n{END}"


def main() -> None:
    """Write the table into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    DOCUMENT.write_text(before + generated() + after, encoding="utf-8")


if __name__ == "__main__":
    main()
