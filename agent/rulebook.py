"""Reads what may be done on this computer from the organisation's verified files, for the person at it.

Only what was verified here is told; who may what is decided by `agent.policy`, of which this repeats the parts a person can use.
"""

from datetime import datetime
from typing import Literal

from agent.allowed import MOST_FIXES, MOST_NAMES, AllowedHere, ApprovedFix, ListedTechnician
from agent.keys import DeviceKeys
from agent.policy import READABLE_OR_NOT
from agent.trust import TrustStore
from protocol.capabilities import RULES, Capability
from protocol.documents import GroupPolicy


def allowed_here(trust: TrustStore, keys: DeviceKeys, wall: datetime, *, fixes_on: bool, guest: bool = False) -> AllowedHere:
    """Put it together. `fixes_on`: this computer's own settings let fixes run; `guest`: it is not enrolled."""
    policy, listed, age = trust.policy(), trust.technicians(), trust.age(wall)
    name = keys.organisation_name if policy is None else policy.name
    if age is None or listed is None:
        return AllowedHere(name, keys.group, None)
    rules = GroupPolicy() if policy is None else policy.group(keys.group)
    on_request = [one for one in Capability if rules.attended is None or one in rules.attended]
    if rules.recording == "forbidden":
        on_request = [one for one in on_request if one is not Capability.RECORDING]
    if trust.unreadable:
        on_request = [one for one in on_request if RULES[one].freshness >= READABLE_OR_NOT]
    if guest:
        on_request = [one for one in on_request if RULES[one].guest]
    return AllowedHere(
        organisation=name,
        group=keys.group,
        age=age,
        listed=len(listed.technicians),
        technicians=[ListedTechnician(one.name, one.tier) for one in listed.technicians[:MOST_NAMES]],
        on_request=on_request,
        unattended=[] if guest or trust.unreadable else [one for one in Capability if one in rules.unattended],
        ask_when_present=rules.ask_when_present,
        recording=rules.recording,
        keep_transcripts=rules.keep_transcripts,
        hidden_windows=len(rules.hide_windows),
        files_folders=list(rules.files_folders),
        grant_seconds=rules.grant_seconds,
        fixes_on=fixes_on and not guest,
        fixes=[] if guest else _fixes(trust, rules),
    )


def _fixes(trust: TrustStore, rules: GroupPolicy) -> list[ApprovedFix]:
    """As `agent.features.fixes` asks."""
    by_policy: Literal["attended", "never"] = "attended" if rules.consent_for_fixes else "never"
    found = []
    for script in trust.scripts()[:MOST_FIXES]:
        one = script.manifest
        asks = "always" if one.consent == "ask" else by_policy
        found.append(ApprovedFix(one.id, one.version, one.title, asks, one.run_as == "root"))
    return found
