"""Rules about the system's own services: failed units, clock, restart."""

from agent.diagnostics.findings import Rule, Tables, Trouble, text


def failed_units(tables: Tables) -> list[Trouble]:
    """One finding a failed unit. Only services can be restarted by a fix; mounts and timers need a person."""
    troubles = []
    for row in tables.rows("systemd_units"):
        unit = text(row, "id")
        if text(row, "active_state") != "failed" or not unit:
            continue
        service = unit.endswith(".service")
        description = text(row, "description") or unit
        troubles.append(
            Trouble(
                "warning",
                f"{description} ({unit}) has stopped with an error and does not run."
                + (" Starting it again often helps; if it fails again, its messages in the journal say why." if service else ""),
                {"unit": unit, "description": description, "sub_state": text(row, "sub_state")},
                fix=None if service else "",
                parameters={"unit": unit} if service else {},
            )
        )
    return troubles


def clock(tables: Tables) -> list[Trouble]:
    """The kernel says that nothing keeps the clock right."""
    row = tables.first("time_synchronisation")
    if row.get("synchronised") is not False:
        return []
    enabled = row.get("enabled") is True
    return [
        Trouble(
            "warning",
            "Nothing has set this computer's clock by a time server. "
            + ("The time service runs but has not reached one yet. " if enabled else "No time service is turned on. ")
            + "With a wrong clock web pages, mail and sign-in fail with messages about certificates.",
            {"synchronised": False, "enabled": row.get("enabled"), "service": text(row, "service")},
        )
    ]


def restart(tables: Tables) -> list[Trouble]:
    """Installed updates that take effect only after a restart."""
    row = tables.first("reboot_required")
    if row.get("required") is not True:
        return []
    return [
        Trouble(
            "notice",
            f"This computer should be restarted: {text(row, 'reason')}. Until then the old, possibly unsafe, version "
            f"keeps running.",
            {
                "reason": text(row, "reason"),
                "packages": text(row, "packages"),
                "running_kernel": text(row, "running_kernel"),
                "newest_kernel": text(row, "newest_kernel"),
            },
        )
    ]


SERVICE_RULES = (
    Rule("service_failed", "A service has failed", ("systemd_units",), failed_units, "restart-service"),
    Rule("time_not_synchronised", "The clock is not kept right", ("time_synchronisation",), clock, "synchronise-time"),
    Rule("reboot_required", "A restart is due", ("reboot_required",), restart),
)
