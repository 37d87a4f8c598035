"""The user's own files."""

from protocol.messages.diagnostics import Row
from tests.kit.tables import findings, only, table

KEY: Row = {"kind": "ssh_key", "path": "~/.ssh/id_ed25519", "mode": "0644", "loose": True}
LIST: Row = {"kind": "ssh_file", "path": "~/.ssh/authorized_keys", "mode": "0664", "loose": True}


def test_keys_come_before_lists() -> None:
    finding = only(findings(table("user_files", LIST, KEY)), "ssh_permissions_loose")
    assert finding.fix == "repair-ssh-permissions" and "1 private SSH key can be read" in finding.text
    assert (finding.evidence["paths"], finding.evidence["mode"]) == ("~/.ssh/authorized_keys, ~/.ssh/id_ed25519", "0644")


def test_lists_alone() -> None:
    assert "let themselves in" in only(findings(table("user_files", LIST)), "ssh_permissions_loose").text


def test_all_is_well() -> None:
    assert findings(table("user_files", {**KEY, "loose": False, "mode": "0600"})) == []
