"""Every table and column that may leave this machine, in one place.

A probe may know more; `collect` drops any column that is not here. Left out on purpose: command lines, environment, paths of
programs and open files, serial numbers, hardware addresses, machine ids, contents of files. `own` columns and tables are
Handrail's, the others are osquery's.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "int", "float", "bool"]


@dataclass(frozen=True, slots=True)
class Column:
    """One cell that may be sent. `text` says what it is, with its unit."""

    name: str
    kind: Kind
    text: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `most` is its row budget; rows beyond it are counted in `truncated`."""

    name: str
    title: str
    columns: tuple[Column, ...]
    most: int = 64
    own: bool = False


def _column(line: str, *, own: bool) -> Column:
    name, kind, text = (part.strip() for part in line.split("|"))
    if name.startswith("+"):
        name, own = name[1:], True
    assert kind in ("text", "int", "float", "bool"), line
    return Column(name, kind, text, own)  # type: ignore[arg-type]  # narrowed by the assertion above


def _table(name: str, title: str, columns: str, *, most: int = 64, own: bool = False) -> Table:
    lines = [line for line in columns.strip().splitlines() if line.strip()]
    return Table(name, title, tuple(_column(line, own=own) for line in lines), most, own)


# One line a column: name | kind | what it is. A leading + marks a column of our own in a table of osquery's.
_TABLES = (
    _table(
        "system_info",
        "The computer",
        """
        hostname            | text | network name
        computer_name       | text | name that people gave it
        cpu_type            | text | machine type, e.g. x86_64
        cpu_brand           | text | processor's name
        cpu_physical_cores  | int  | cores
        cpu_logical_cores   | int  | hardware threads
        physical_memory     | int  | bytes
        hardware_vendor     | text | maker
        hardware_model      | text | model
        +chassis            | text | desktop, laptop, virtual machine, ... when known
        +asset_tag          | text | the organisation's own number of it, when its firmware was given one
        """,
        most=1,
    ),
    _table(
        "os_version",
        "The operating system",
        """
        name                | text | distribution
        version             | text | version as it names itself
        major               | int  | major version
        minor               | int  | minor version
        patch               | int  | patch level
        build               | text | build id
        platform            | text | e.g. debian
        platform_like       | text | family, e.g. debian
        codename            | text | e.g. bookworm
        arch                | text | machine type
        """,
        most=1,
    ),
    _table(
        "kernel_info",
        "The kernel",
        """
        version             | text | release, as uname -r says
        """,
        most=1,
    ),
    _table(
        "uptime",
        "Time since start",
        """
        days                | int | whole days
        hours               | int | and hours
        minutes             | int | and minutes
        seconds             | int | and seconds
        total_seconds       | int | all of it in seconds
        """,
        most=1,
    ),
    _table(
        "cpu_info",
        "Processors and how busy they are",
        """
        model               | text  | processor's name
        manufacturer        | text  | vendor id
        number_of_cores     | int   | cores
        logical_processors  | int   | hardware threads
        address_width       | text  | bits
        current_clock_speed | int   | MHz
        max_clock_speed     | int   | MHz
        load_percentage     | float | % busy over the sample, all threads together
        +user_percentage    | float | % in programs
        +system_percentage  | float | % in the kernel
        +iowait_percentage  | float | % idle and waiting for disks
        +steal_percentage   | float | % taken by other virtual machines
        +sample_seconds     | float | length of the sample
        +pressure_avg60     | float | % of the last minute in which something waited for a processor (PSI some)
        """,
        most=1,
    ),
    _table(
        "load_average",
        "Programs that wanted to run",
        """
        period              | text  | 1m, 5m or 15m
        average             | float | runnable or in uninterruptible sleep
        """,
        most=3,
    ),
    _table(
        "memory_info",
        "Memory",
        """
        memory_total        | int   | bytes
        memory_free         | int   | bytes used for nothing
        buffers             | int   | bytes
        cached              | int   | bytes
        swap_cached         | int   | bytes
        active              | int   | bytes
        inactive            | int   | bytes
        swap_total          | int   | bytes
        swap_free           | int   | bytes
        +memory_available   | int   | bytes that programs could still get
        +swap_in_rate       | float | pages a second read back, over the sample
        +swap_out_rate      | float | pages a second written out, over the sample
        +pressure_avg60     | float | % of the last minute in which everything waited for memory (PSI full)
        """,
        most=1,
    ),
    _table(
        "mounts",
        "File systems and how full they are",
        """
        device              | text  | device or server
        path                | text  | where it is mounted
        type                | text  | file system
        blocks_size         | int   | bytes a block
        blocks              | int   | all blocks
        blocks_free         | int   | free blocks
        blocks_available    | int   | free blocks for ordinary users
        inodes              | int   | all inodes (0: it has no such limit)
        inodes_free         | int   | free inodes
        flags               | text  | mount options without values
        +used_percent       | float | % of what ordinary users can have
        +inodes_used_percent | float | %
        +local              | bool  | on a disk of this machine, not on the network, not in memory
        +read_only          | bool  | mounted read-only
        +responding         | bool  | whether it answered in time
        """,
    ),
    _table(
        "block_devices",
        "Disks",
        """
        name                | text | kernel's name
        parent              | text | disk it is part of
        vendor              | text | maker
        model               | text | model
        size                | int  | bytes
        type                | text | disk, part, crypt, lvm, raid, rom
        label               | text | label of its file system
        +file_system        | text | type of its file system
        +rotational         | bool | turns
        +removable          | bool | can be taken out
        +read_only          | bool | read-only
        """,
    ),
    _table(
        "interface_addresses",
        "Network addresses",
        """
        interface           | text | name
        address             | text | IPv4 or IPv6
        mask                | text | net mask
        broadcast           | text | broadcast address
        point_to_point      | text | other end
        """,
    ),
    _table(
        "interface_details",
        "Network interfaces",
        """
        interface           | text | name
        mtu                 | int  | bytes
        link_speed          | int  | Mbit/s (0: unknown)
        ipackets            | int  | packets received
        opackets            | int  | packets sent
        ibytes              | int  | bytes received
        obytes              | int  | bytes sent
        ierrors             | int  | errors receiving
        oerrors             | int  | errors sending
        idrops              | int  | dropped receiving
        odrops              | int  | dropped sending
        +is_up              | bool | running
        """,
    ),
    _table(
        "routes",
        "Routes",
        """
        destination         | text | network, 0.0.0.0 or :: for everything else
        netmask             | int  | bits
        gateway             | text | next hop
        source              | text | address used
        interface           | text | interface
        metric              | int  | lower is preferred
        type                | text | gateway, local, blackhole, ...
        +family             | text | ipv4 or ipv6
        """,
        most=100,
    ),
    _table(
        "dns_resolvers",
        "Name servers",
        """
        id                  | int  | position
        type                | text | nameserver, search or options
        address             | text | address, or the searched domain
        """,
        most=16,
    ),
    _table(
        "reachability",
        "Whether the relay and the policy's other targets can be reached",
        """
        test                | text  | dns, tcp or tls
        host                | text  | name or address asked for
        port                | int   | port (0: none)
        address             | text  | what answered: an address or a name server
        ok                  | bool  | it worked
        duration_ms         | float | milliseconds
        error               | text  | why not, in words
        tls_version         | text  | negotiated version
        certificate_days    | int   | days until the other side's certificate expires
        """,
        own=True,
    ),
    _table(
        "processes",
        "Busiest programs",
        """
        pid                 | int   | number
        parent              | int   | number of the one that started it
        name                | text  | short name; never its arguments
        state               | text  | R running, S sleeping, D waiting for a disk, Z ended but not reaped, T stopped
        uid                 | int   | user's number
        threads             | int   | threads
        nice                | int   | priority, lower is more urgent
        resident_size       | int   | bytes in memory
        total_size          | int   | bytes mapped
        user_time           | int   | milliseconds of processor in the program
        system_time         | int   | milliseconds of processor in the kernel
        start_time          | int   | seconds since 1970
        +username           | text  | user
        +cpu_percent        | float | % of one processor over the sample
        +memory_percent     | float | % of memory
        +agent              | bool  | belongs to Handrail
        """,
        most=40,
    ),
    _table(
        "systemd_units",
        "Services that have failed",
        """
        id                  | text | unit
        description         | text | what it is
        load_state          | text | loaded, not-found, ...
        active_state        | text | failed
        sub_state           | text | failed, auto-restart, ...
        """,
    ),
    _table(
        "journal_errors",
        "Errors of the last day in the system's journal",
        """
        time                | int  | newest, seconds since 1970
        unit                | text | unit or program
        priority            | int  | 0 emergency, 1 alert, 2 critical, 3 error
        message             | text | first 300 characters
        count               | int  | how often the same was said
        """,
        most=50,
        own=True,
    ),
    _table(
        "journal_usage",
        "Size of the system's journal",
        """
        path                | text | directory
        size                | int  | bytes on disk
        files               | int  | files
        """,
        most=4,
        own=True,
    ),
    _table(
        "deb_packages",
        "Installed packages",
        """
        name                | text | package
        version             | text | version
        size                | int  | KiB installed
        arch                | text | architecture
        status              | text | as dpkg says: wanted, error flag, state
        """,
        most=4000,
    ),
    _table(
        "package_updates",
        "Packages for which an update is known",
        """
        name                | text | package
        version             | text | installed version
        available           | text | version that is offered
        source              | text | suites that offer it
        security            | bool | from a security suite
        arch                | text | architecture
        """,
        most=500,
        own=True,
    ),
    _table(
        "package_lists",
        "Age of what is known about updates",
        """
        manager             | text | apt
        refreshed           | int  | newest list, seconds since 1970
        age_days            | float | days since then
        """,
        most=4,
        own=True,
    ),
    _table(
        "logged_in_users",
        "Who is logged in",
        """
        type                | text | user
        user                | text | name
        tty                 | text | terminal or display
        host                | text | where from
        time                | int  | since, seconds since 1970
        pid                 | int  | login process
        """,
    ),
    _table(
        "listening_ports",
        "Programs that wait for connections",
        """
        pid                 | int  | program (-1: belongs to another user)
        port                | int  | port
        protocol            | int  | 6 TCP, 17 UDP
        family              | int  | 2 IPv4, 10 IPv6
        address             | text | address it listens on
        +name               | text | program's short name
        """,
        most=200,
    ),
    _table(
        "time_synchronisation",
        "The clock",
        """
        synchronised        | bool  | the kernel says that something keeps the clock right
        enabled             | bool  | a time service is turned on (empty: cannot be told)
        service             | text  | which one is running
        timezone            | text  | time zone
        estimated_error_ms  | float | kernel's own estimate of the error
        """,
        most=1,
        own=True,
    ),
    _table(
        "startup_items",
        "What starts by itself at login",
        """
        name                | text | name
        type                | text | Startup Item
        source              | text | directory, ~ for the home directory
        status              | text | enabled or disabled
        username            | text | whose (empty: everybody's)
        """,
    ),
    _table(
        "reboot_required",
        "Whether a restart is due",
        """
        required            | bool | due
        reason              | text | why
        packages            | text | packages that asked for it, first ten
        running_kernel      | text | kernel that runs
        newest_kernel       | text | newest installed kernel
        """,
        most=1,
        own=True,
    ),
    _table(
        "user_files",
        "Trash and SSH keys of the agent's user (sizes and permissions, never contents)",
        """
        kind                | text | trash, ssh_directory, ssh_key or ssh_file
        path                | text | ~ for the home directory
        size                | int  | bytes on disk
        items               | int  | entries
        mode                | text | permissions in octal
        loose               | bool | others than the owner may read or change what they must not
        oldest_days         | float | age of the oldest entry
        """,
        own=True,
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
"""By name, in the order in which they are shown."""
