"""The rules by subject. `RULES` is all of them; ids and the fixes that answer them are part of the product's language
(SPEC.md)."""

from agent.diagnostics.findings import Rule
from agent.diagnostics.rules.load import LOAD_RULES
from agent.diagnostics.rules.network import NETWORK_RULES
from agent.diagnostics.rules.packages import PACKAGE_RULES
from agent.diagnostics.rules.services import SERVICE_RULES
from agent.diagnostics.rules.storage import STORAGE_RULES
from agent.diagnostics.rules.user import USER_RULES

RULES: tuple[Rule, ...] = (*STORAGE_RULES, *LOAD_RULES, *SERVICE_RULES, *PACKAGE_RULES, *NETWORK_RULES, *USER_RULES)
