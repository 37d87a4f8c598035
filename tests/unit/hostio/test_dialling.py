import subprocess
import sys

from hostio.dialling import Dialling


def test_a_program_takes_the_systems_proxy_unless_told_otherwise() -> None:
    assert Dialling("handrail", 5.0).proxy is None


def test_settings_load_no_network_library() -> None:
    code = "import sys, hostio.dialling; sys.exit(bool({'websockets', 'ssl', 'asyncio'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
