"""How rules become findings."""

import pytest

from agent.diagnostics.allowlist import TABLES
from agent.diagnostics.findings import PER_RULE, Rule, Tables, Trouble, evaluate, number, several, size, tables_for, text
from agent.diagnostics.rules import RULES
from tests.kit.tables import failed, table

FIXES = {
    "disk_space_low": "free-disk-space",
    "inode_space_low": "",
    "memory_low": "",
    "swap_thrashing": "",
    "cpu_saturated": "",
    "trash_large": "empty-trash",
    "service_failed": "restart-service",
    "time_not_synchronised": "synchronise-time",
    "journal_large": "vacuum-journal",
    "packages_broken": "repair-packages",
    "updates_pending": "install-updates",
    "ssh_permissions_loose": "repair-ssh-permissions",
    "runaway_process": "end-process",
    "dns_unreachable": "flush-dns",
    "tls_unreachable": "",
    "reboot_required": "",
    "listening_exposed": "",
}


def test_ids_and_fixes_are_part_of_the_language() -> None:
    assert {rule.id: rule.fix for rule in RULES} == FIXES
    assert all(set(rule.needs) <= TABLES.keys() and rule.title for rule in RULES)
    assert tables_for("trash_large", RULES) == ("user_files", "mounts") and tables_for("nonsense", RULES) == ()


def rule(name: str, *troubles: Trouble) -> Rule:
    return Rule(name, name, ("uptime",), lambda tables: troubles, "some-fix")


def test_worst_first_and_bounded() -> None:
    many = [Trouble("notice", f"{i}", {}) for i in range(10)]
    found = evaluate([table("uptime")], [rule("a", *many), rule("b", Trouble("critical", "x", {"e": 1}, parameters={"p": 1}))])
    assert [finding.id for finding in found] == ["b"] + ["a"] * PER_RULE
    assert (found[0].fix, found[0].fix_parameters, found[0].evidence) == ("some-fix", {"p": 1}, {"e": 1})


def test_a_trouble_may_have_no_fix_where_its_rule_has_one() -> None:
    (found,) = evaluate([table("uptime")], [rule("a", Trouble("notice", "x", {}, fix="", parameters={"p": 1}))])
    assert (found.fix, found.fix_parameters) == ("", {})


@pytest.mark.parametrize("there", [[], [failed("uptime")]])
def test_unknown_is_never_wrong(there: list[object]) -> None:
    assert evaluate(there, [rule("a", Trouble("critical", "x", {}))]) == []  # type: ignore[arg-type]  # tables or none


def test_no_rule_speaks_without_tables() -> None:
    assert evaluate([], RULES) == evaluate([failed(name) for name in TABLES], RULES) == []
    assert evaluate([table(name) for name in TABLES], RULES) == []


def test_cells() -> None:
    assert number({"a": 1}, "a") == 1.0 and number({"a": True}, "a") is None and number({}, "a") is None
    assert text({"a": "x"}, "a") == "x" and text({"a": 1}, "a") == ""
    tables = Tables([table("uptime", {"days": 1}), failed("routes")])
    assert tables.first("uptime") == {"days": 1} and tables.first("routes") == {} and not tables.has("routes")


def test_words() -> None:
    assert [size(value) for value in (0, 1023, 1536, 1024**2 * 150, 1024**3 * 2.5, 1024**5)] == [
        "0 bytes",
        "1023 bytes",
        "1.5 KiB",
        "150 MiB",
        "2.5 GiB",
        "1024.0 TiB",
    ]
    assert several(1, "item", "items") == "1 item" and several(3, "item", "items") == "3 items"
