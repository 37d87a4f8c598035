"""docs/tables.md says what the allow-list says."""

from pathlib import Path

from agent.diagnostics.allowlist import TABLES
from agent.diagnostics.document import tables_markdown
from agent.diagnostics.rules import RULES

SPEC = Path(__file__).parents[4] / "protocol" / "SPEC.md"
WRITTEN = Path(__file__).parents[4] / "docs" / "tables.md"


def test_it_is_up_to_date() -> None:
    assert WRITTEN.read_text() == tables_markdown(), "run: python -m agent.diagnostics.document > docs/tables.md"


def test_the_specification_lists_the_same_findings_and_fixes() -> None:
    text = SPEC.read_text()
    for rule in RULES:
        assert f"\n| `{rule.id}` | {f'`{rule.fix}`' if rule.fix else '|'}" in text


def test_every_table_column_and_finding_is_in_it() -> None:
    text = tables_markdown()
    for table in TABLES.values():
        assert f"\n### {table.name}\n" in text
        for column in table.columns:
            assert f"\n| {column.name}" in text
    assert all(f"| `{rule.id}` |" in text for rule in RULES)
