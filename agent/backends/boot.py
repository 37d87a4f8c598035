"""Which start of the computer this is."""

from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id(path: Path = BOOT_ID) -> str:
    """A name that is another after each restart of the computer; "" where the system does not tell."""
    try:
        return path.read_text("ascii").strip()[:64]
    except (OSError, UnicodeDecodeError):
        return ""
