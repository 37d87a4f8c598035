"""Rules about load: memory, swap, processors, programs that run away."""

from agent.diagnostics.findings import Rule, Tables, Trouble, number, size, text
from protocol.messages.diagnostics import Row

LOW_MEMORY_PERCENT, VERY_LOW_MEMORY_PERCENT = 8.0, 4.0
SWAP_PAGES = 300.0
MEMORY_PRESSURE_PERCENT = 10.0
SATURATED_PERCENT = 95.0
WAITING_PER_PROCESSOR = 1.5
RUNAWAY_PERCENT = 90.0
RUNAWAY_SECONDS = 60.0
FIRST_ORDINARY_USER = 1000


def _top(tables: Tables, column: str) -> Row:
    """The program with the most of something; Handrail's own questions to the system are not what keeps it busy."""
    others = [row for row in tables.rows("processes") if row.get("agent") is not True]
    return max(others, key=lambda row: number(row, column) or 0, default={})


def memory(tables: Tables) -> list[Trouble]:
    """Little memory that programs could still get."""
    row = tables.first("memory_info")
    total, available = number(row, "memory_total"), number(row, "memory_available")
    if not total or available is None or 100 * available / total >= LOW_MEMORY_PERCENT:
        return []
    percent = 100 * available / total
    largest = _top(tables, "resident_size")
    blame = (
        f" {text(largest, 'name')} uses the most, {size(number(largest, 'resident_size') or 0)}; closing it would help."
        if largest
        else " Closing programs that are not needed helps."
    )
    return [
        Trouble(
            "critical" if percent < VERY_LOW_MEMORY_PERCENT else "warning",
            f"Only {size(available)} of {size(total)} memory are left. The computer becomes slow and may end programs by itself."
            + blame,
            {
                "memory_available": int(available),
                "memory_total": int(total),
                "available_percent": round(percent, 1),
                "largest": text(largest, "name"),
                "largest_size": largest.get("resident_size"),
            },
        )
    ]


def swapping(tables: Tables) -> list[Trouble]:
    """Pages go out and come back at once, or everything waits for memory: more is needed than there is."""
    row = tables.first("memory_info")
    read, written = number(row, "swap_in_rate") or 0.0, number(row, "swap_out_rate") or 0.0
    pressure = number(row, "pressure_avg60") or 0.0
    if not (read >= SWAP_PAGES and written >= SWAP_PAGES) and pressure < MEMORY_PRESSURE_PERCENT:
        return []
    return [
        Trouble(
            "critical" if pressure >= 3 * MEMORY_PRESSURE_PERCENT else "warning",
            "The computer spends its time moving memory to the disk and back. Everything feels frozen until a large "
            "program is closed.",
            {"swap_in_rate": read, "swap_out_rate": written, "pressure_avg60": pressure, "swap_free": row.get("swap_free")},
        )
    ]


def processors(tables: Tables) -> list[Trouble]:
    """All processors busy now, and more programs waiting than there are processors for the last minute."""
    row = tables.first("cpu_info")
    busy, count = number(row, "load_percentage"), number(row, "logical_processors")
    minute = next((number(line, "average") for line in tables.rows("load_average") if line.get("period") == "1m"), None)
    if busy is None or not count or minute is None or busy < SATURATED_PERCENT or minute < WAITING_PER_PROCESSOR * count:
        return []
    top = _top(tables, "cpu_percent")
    blame = f" {text(top, 'name')} uses the most." if top else ""
    return [
        Trouble(
            "warning",
            f"The processors are fully busy and {minute:.1f} programs want to run on {int(count)}. Everything is "
            f"slower than usual." + blame,
            {"load_percentage": busy, "load_1m": minute, "logical_processors": int(count), "busiest": text(top, "name")},
        )
    ]


def runaway(tables: Tables) -> list[Trouble]:
    """A program that keeps a whole processor busy and has done so for long. The system's own and Handrail's are left out."""
    troubles = []
    for row in tables.rows("processes"):
        busy = number(row, "cpu_percent") or 0.0
        spent = ((number(row, "user_time") or 0.0) + (number(row, "system_time") or 0.0)) / 1000
        pid = row.get("pid")
        kernel = row.get("pid") == 2 or row.get("parent") == 2
        if (
            busy < RUNAWAY_PERCENT
            or spent < RUNAWAY_SECONDS
            or row.get("agent") is True
            or kernel
            or not isinstance(pid, int)
            or pid < 2
        ):
            continue
        name = text(row, "name")
        troubles.append(
            Trouble(
                "warning",
                f"{name} keeps a processor busy without a break ({busy:.0f} %) and has used {spent / 60:.0f} minutes "
                f"of it. If nothing is "
                "being computed on purpose, it hangs; ending it loses what was not saved in it.",
                {
                    "pid": pid,
                    "name": name,
                    "cpu_percent": busy,
                    "cpu_seconds": round(spent, 1),
                    "username": text(row, "username"),
                },
                parameters={"pid": pid, "name": name},
            )
        )
    return sorted(troubles, key=lambda trouble: -float(trouble.evidence["cpu_percent"] or 0))


LOAD_RULES = (
    Rule("memory_low", "Memory is running out", ("memory_info", "processes"), memory),
    Rule("swap_thrashing", "Memory is moved to the disk and back", ("memory_info",), swapping),
    Rule("cpu_saturated", "The processors are fully busy", ("cpu_info", "load_average", "processes"), processors),
    Rule("runaway_process", "A program keeps a processor busy", ("processes",), runaway, "end-process"),
)
