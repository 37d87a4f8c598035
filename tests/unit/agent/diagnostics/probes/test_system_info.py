"""What computer this is."""

from pathlib import Path

from agent.diagnostics.probes.system_info import SystemInfo, asset_tag, chassis, cpu_brand
from tests.kit.recorded import machine, recorded


def test_brand_from_a_recording() -> None:
    assert cpu_brand(recorded("cpuinfo.txt")) == "AMD EPYC"
    assert cpu_brand("processor\t: 0\nModel\t: Raspberry Pi 4\n") == "Raspberry Pi 4"
    assert cpu_brand("") == ""


def test_an_asset_tag_is_the_organisations_own_and_no_filler() -> None:
    assert asset_tag(" EX-00412\n") == "EX-00412"
    assert {asset_tag(word) for word in ("Default string", "No Asset Tag", "To Be Filled By O.E.M.", "", "  ", "---")} == {""}


def test_chassis() -> None:
    assert chassis("10", "LENOVO", "20XW") == "laptop"
    assert chassis("1", "QEMU", "Standard PC") == chassis("3", "Microsoft Corporation", "Virtual Machine") == "virtual machine"
    assert chassis("", "", "") == chassis("99", "x", "y") == chassis("x", "", "") == ""


async def test_one_row(tmp_path: Path) -> None:
    files = {
        "/proc/cpuinfo": recorded("cpuinfo.txt"),
        "/sys/class/dmi/id/sys_vendor": "LENOVO\n",
        "/sys/class/dmi/id/product_name": "ThinkPad\n",
        "/sys/class/dmi/id/chassis_type": "10\n",
        "/sys/class/dmi/id/product_serial": "PF-SECRET\n",
        "/etc/machine-info": 'PRETTY_HOSTNAME="Reception PC"\n',
    }
    (row,) = await SystemInfo().rows(machine(tmp_path, files))
    assert (row["cpu_brand"], row["hardware_model"], row["chassis"]) == ("AMD EPYC", "ThinkPad", "laptop")
    assert row["computer_name"] == "Reception PC" and row["physical_memory"]
    assert "PF-SECRET" not in map(str, row.values())
