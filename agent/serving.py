"""What becomes of this process when it serves: the daemon with all its features, and the device that it is.

The commands import this only when they need it. A daemon's libraries (pictures, video, certificates, signed files) take 60 MB and
most of a second to load; who only talks to one that runs already (`attend`, `ask`, `status`, `stop`) needs none of them.
"""

import secrets
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.backends.boot import boot_id
from agent.daemon import Daemon, platform_name
from agent.enrolment import DeviceIdentity, enrol, load_identity, renew
from agent.features.registry import FEATURES
from agent.settings import AgentSettings
from hostio.enrolment import read_bundle

Wall = Callable[[], datetime]


def make_daemon(settings: AgentSettings, wall: Wall) -> Daemon:
    """The daemon of this enrolled device. Raises `HandrailError` where it is not enrolled or its keys cannot be read."""

    def renewed(device: Any) -> DeviceIdentity:
        return renew(
            device,
            settings.home,
            platform=platform_name(),
            wall=wall,
            random_bytes=secrets.token_bytes,
            proxy=settings.link.dialling.proxy,
        )

    return Daemon(settings, load_identity(settings.home), FEATURES, renew=renewed, wall=wall, boot=boot_id())


def enrol_here(
    settings: AgentSettings, bundle: Path, label: str, wall: Wall, tell: Callable[[str], None], *, new_keys: bool
) -> DeviceIdentity:
    """Make this computer a device of the bundle's organisation; `label` "" is its name in the network. Raises as `enrol`."""
    return enrol(
        read_bundle(bundle),
        settings.home,
        label=label or socket.gethostname(),
        platform=platform_name(),
        wall=wall,
        random_bytes=secrets.token_bytes,
        on_progress=tell,
        new_keys=new_keys,
        proxy=settings.link.dialling.proxy,
    )
