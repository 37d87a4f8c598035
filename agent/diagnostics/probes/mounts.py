"""`mounts`: file systems and how full they are.

A file system that does not answer (a server that went away) hangs whoever asks in the kernel; each is asked in a thread of its
own, so that one dead mount costs its own row only.
"""

import asyncio
import os
import re
from dataclasses import dataclass
from typing import ClassVar

from agent.diagnostics.probe import Environment, Probe, ProbeError, Unsupported
from protocol.messages.diagnostics import Row

PATIENCE_SECONDS = 0.6
MOST = 64
_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "9p", "glusterfs", "davfs", "fuse.sshfs", "fuse.rclone")
)
_IN_MEMORY = frozenset(("tmpfs", "ramfs", "devtmpfs", "hugetlbfs"))
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/mounts. `options` are the mount's, without values."""

    device: str
    path: str
    kind: str
    options: tuple[str, ...]

    @property
    def network(self) -> bool:
        """Whether it comes from another machine."""
        return self.kind in _NETWORK

    @property
    def local(self) -> bool:
        """Whether it stands on a disk of this machine."""
        return not self.network and self.kind not in _IN_MEMORY and not self.kind.startswith("fuse.")


def parse_mounts(text: str, with_nodev: frozenset[str]) -> list[Mount]:
    """/proc/mounts (fstab(5) with octal escapes), without the kernel's own file systems and without what is mounted over.

    `with_nodev` are the types of /proc/filesystems that have no device; of those only network ones and memory are kept.
    """
    found: dict[str, Mount] = {}
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) < 4:
            continue
        device, path, kind, options = (_ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), field) for field in fields[:4])
        # `fuse.name` is of the type `fuse`.
        wanted = (
            kind.partition(".")[0] not in with_nodev or kind in _NETWORK or kind == "tmpfs" or kind == "overlay" or kind == "zfs"
        )
        if wanted and not path.startswith(("/proc/", "/sys/", "/dev/")) and path != "/dev":
            # A later mount on the same path hides the earlier one. Values of options may hold user names and passwords.
            found[path] = Mount(device, path, kind, tuple(option.partition("=")[0] for option in options.split(",")))
    return list(found.values())


def parse_filesystems(text: str) -> frozenset[str]:
    """The types of /proc/filesystems that have no device."""
    return frozenset(line.split("\t", 1)[1].strip() for line in text.splitlines() if line.startswith("nodev\t"))


def usage(mount: Mount, size: os.statvfs_result) -> Row:
    """One row. Percentages are of what ordinary users can have, as df(1) counts them."""
    used = size.f_blocks - size.f_bfree
    reachable = used + size.f_bavail
    return {
        **_base(mount),
        "blocks_size": size.f_frsize,
        "blocks": size.f_blocks,
        "blocks_free": size.f_bfree,
        "blocks_available": size.f_bavail,
        "inodes": size.f_files,
        "inodes_free": size.f_ffree,
        "used_percent": round(100 * used / reachable, 1) if reachable else None,
        "inodes_used_percent": round(100 * (size.f_files - size.f_ffree) / size.f_files, 1) if size.f_files else None,
        "responding": True,
    }


def _base(mount: Mount) -> Row:
    return {
        "device": mount.device,
        "path": mount.path,
        "type": mount.kind,
        "flags": ",".join(mount.options),
        "local": mount.local,
        "read_only": "ro" in mount.options,
    }


class Mounts(Probe):
    """A row per file system that can fill up, local disks first."""

    table: ClassVar = "mounts"
    budget: ClassVar = 1.5

    async def rows(self, environment: Environment) -> list[Row]:
        """See `Probe.rows`."""
        text = environment.read_text("/proc/mounts")
        if text is None:
            raise Unsupported("This machine has no /proc/mounts.")
        mounts = parse_mounts(text, parse_filesystems(environment.read_text("/proc/filesystems") or ""))
        mounts.sort(key=lambda mount: (not mount.local, mount.path))
        rows = await asyncio.gather(*(self._row(environment, mount) for mount in mounts[:MOST]))
        # A file system without blocks is one of the kernel's own.
        return [row for row in rows if row.get("blocks") != 0]

    async def _row(self, environment: Environment, mount: Mount) -> Row:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                size = await environment.thread(f"mount {mount.path}", os.statvfs, environment.root / mount.path.lstrip("/"))
        except (TimeoutError, ProbeError):
            return {**_base(mount), "responding": False}
        except OSError:
            # Mounted where this user may not look: known to exist, nothing more.
            return {**_base(mount), "responding": True}
        return usage(mount, size)
