"""Rules about installed software."""

from agent.diagnostics.findings import Rule, Tables, Trouble, number, several, text
from agent.diagnostics.probes.deb_packages import is_broken

OLD_LISTS_DAYS = 14.0


def broken(tables: Tables) -> list[Trouble]:
    """Packages whose installation was begun and not finished."""
    names = [text(row, "name") for row in tables.rows("deb_packages") if is_broken(text(row, "status"))]
    if not names:
        return []
    statuses = [text(row, "status") for row in tables.rows("deb_packages") if text(row, "name") == names[0]]
    return [
        Trouble(
            "warning",
            f"The installation of {several(len(names), 'package', 'packages')} was interrupted "
            f"({', '.join(names[:3])}). Until that is "
            "repaired nothing else can be installed or updated.",
            {"count": len(names), "packages": ", ".join(names[:10]), "status": statuses[0]},
        )
    ]


def updates(tables: Tables) -> list[Trouble]:
    """Updates that are known and not installed; security updates weigh more."""
    rows = tables.rows("package_updates")
    if not rows:
        return []
    security = [text(row, "name") for row in rows if row.get("security") is True]
    age = number(tables.first("package_lists"), "age_days")
    old = (
        f" The list of updates is itself {age:.0f} days old; there may be more."
        if age is not None and age > OLD_LISTS_DAYS
        else ""
    )
    says = (
        f"{several(len(security), 'security update is', 'security updates are')} missing, {len(rows)} updates in all. "
        f"Known holes stay "
        "open until they are installed."
        if security
        else f"{several(len(rows), 'update is', 'updates are')} available; none of them is marked as a security update."
    )
    names = security or [text(row, "name") for row in rows]
    return [
        Trouble(
            "warning" if security else "notice",
            says + old,
            {"updates": len(rows), "security": len(security), "packages": ", ".join(names[:10]), "lists_age_days": age},
        )
    ]


PACKAGE_RULES = (
    Rule("packages_broken", "An installation was interrupted", ("deb_packages",), broken, "repair-packages"),
    Rule("updates_pending", "Updates are missing", ("package_updates", "package_lists"), updates, "install-updates"),
)
