"""One module per table. `all_probes` is the list of them."""

from agent.diagnostics.probe import Probe
from agent.diagnostics.probes.block_devices import BlockDevices
from agent.diagnostics.probes.cpu_info import CpuInfo
from agent.diagnostics.probes.deb_packages import DebPackages
from agent.diagnostics.probes.dns_resolvers import DnsResolvers
from agent.diagnostics.probes.interface_addresses import InterfaceAddresses
from agent.diagnostics.probes.interface_details import InterfaceDetails
from agent.diagnostics.probes.journal_errors import JournalErrors
from agent.diagnostics.probes.journal_usage import JournalUsage
from agent.diagnostics.probes.kernel_info import KernelInfo
from agent.diagnostics.probes.listening_ports import ListeningPorts
from agent.diagnostics.probes.load_average import LoadAverage
from agent.diagnostics.probes.logged_in_users import LoggedInUsers
from agent.diagnostics.probes.memory_info import MemoryInfo
from agent.diagnostics.probes.mounts import Mounts
from agent.diagnostics.probes.os_version import OsVersion
from agent.diagnostics.probes.package_lists import PackageLists
from agent.diagnostics.probes.package_updates import PackageUpdates
from agent.diagnostics.probes.processes import Processes
from agent.diagnostics.probes.reachability import Reachability
from agent.diagnostics.probes.reboot_required import RebootRequired
from agent.diagnostics.probes.routes import Routes
from agent.diagnostics.probes.startup_items import StartupItems
from agent.diagnostics.probes.system_info import SystemInfo
from agent.diagnostics.probes.systemd_units import SystemdUnits
from agent.diagnostics.probes.time_synchronisation import TimeSynchronisation
from agent.diagnostics.probes.uptime import Uptime
from agent.diagnostics.probes.user_files import UserFiles


def all_probes() -> list[Probe]:
    """One probe for every table of the allow-list."""
    return [
        # The slowest first: they decide how long a snapshot takes.
        PackageUpdates(),
        Reachability(),
        CpuInfo(),
        MemoryInfo(),
        Processes(),
        DebPackages(),
        JournalErrors(),
        SystemdUnits(),
        BlockDevices(),
        DnsResolvers(),
        InterfaceAddresses(),
        InterfaceDetails(),
        JournalUsage(),
        KernelInfo(),
        ListeningPorts(),
        LoadAverage(),
        LoggedInUsers(),
        Mounts(),
        OsVersion(),
        PackageLists(),
        RebootRequired(),
        Routes(),
        StartupItems(),
        SystemInfo(),
        TimeSynchronisation(),
        Uptime(),
        UserFiles(),
    ]
