"""Rules about the user's own files."""

from agent.diagnostics.findings import Rule, Tables, Trouble, several, text


def ssh_permissions(tables: Tables) -> list[Trouble]:
    """SSH keys that others can read, or lists that others can change."""
    loose = [row for row in tables.rows("user_files") if text(row, "kind").startswith("ssh_") and row.get("loose") is True]
    if not loose:
        return []
    keys = [row for row in loose if text(row, "kind") == "ssh_key"]
    first = (keys or loose)[0]
    says = (
        f"{several(len(keys), 'private SSH key', 'private SSH keys')} can be read by other users of this computer "
        f"({text(first, 'path')}). Until that is repaired ssh does not use such a key, and it should be treated as "
        f"possibly copied."
        if keys
        else f"{text(first, 'path')} can be changed by other users of this computer, so that they could let themselves in. ssh "
        "ignores it until that is repaired."
    )
    return [
        Trouble(
            "warning",
            says,
            {"paths": ", ".join(text(row, "path") for row in loose[:10]), "count": len(loose), "mode": text(first, "mode")},
        )
    ]


USER_RULES = (
    Rule("ssh_permissions_loose", "SSH files are open to others", ("user_files",), ssh_permissions, "repair-ssh-permissions"),
)
