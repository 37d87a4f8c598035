"""Writes docs/tables.md from the allow-list: `python -m agent.diagnostics.document > docs/tables.md`. A test compares them."""

import sys

from agent.diagnostics.allowlist import TABLES, Table
from agent.diagnostics.findings import Rule
from agent.diagnostics.probe import Probe
from agent.diagnostics.probes import all_probes
from agent.diagnostics.rules import RULES

_HEAD = """\
# Diagnostics: tables, columns, findings

Generated from `agent/diagnostics/allowlist.py` and `agent/diagnostics/rules/`; do not edit.

Everything that diagnostics may send from a machine is listed here. A cell that is not listed does not leave the machine,
whatever a probe has read. Tables and columns carry osquery's names (https://osquery.io/schema) where osquery has them; those
marked *own* are Handrail's. Never read into a table: command lines, environments, paths of programs, contents of files, serial
numbers, hardware addresses, machine ids. Messages of the journal are what programs wrote there, cut to 300 characters.

Each table comes with `status` (`ok`, `unsupported` or `failed`), `reason`, `duration_ms`, `budget_ms` and `truncated` (rows left
out). A missing cell or an empty one means that it is not known.
"""

_FINDINGS = """
## Findings

A finding is made by a rule from the tables above. `fix` is the id of the approved script that answers it, where there is one.

| id | title | from | fix |
|---|---|---|---|"""


def tables_markdown() -> str:
    """The whole document."""
    probes = {probe.table: probe for probe in all_probes()}
    parts = [_HEAD, "## Tables\n", "| table | what | rows at most | budget |", "|---|---|---|---|"]
    parts += [_overview(table, probes[table.name]) for table in TABLES.values()]
    for table in TABLES.values():
        parts += _section(table, probes[table.name])
    return "\n".join([*parts, _FINDINGS, *map(_rule, RULES)]) + "\n"


def _overview(table: Table, probe: Probe) -> str:
    return f"| [{table.name}](#{table.name}){_own(table.own)} | {table.title} | {table.most} | {probe.budget:g} s |"


def _section(table: Table, probe: Probe) -> list[str]:
    described = (sys.modules[type(probe).__module__].__doc__ or "").split("\n\n")[0].partition(":")[2]
    sentence = " ".join(described.split())
    lines = [f"\n### {table.name}\n", f"{sentence[:1].upper()}{sentence[1:]}\n", "| column | type | what |", "|---|---|---|"]
    for column in table.columns:
        lines.append(f"| {column.name}{_own(column.own and not table.own)} | {column.kind} | {column.text} |")
    return lines


def _rule(rule: Rule) -> str:
    fix = f"`{rule.fix}`" if rule.fix else ""
    return f"| `{rule.id}` | {rule.title} | {', '.join(rule.needs)} | {fix} |"


def _own(own: bool) -> str:
    return " *own*" if own else ""


if __name__ == "__main__":
    sys.stdout.write(tables_markdown())
