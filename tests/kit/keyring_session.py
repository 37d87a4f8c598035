"""A desktop's secret service of its own (gnome-keyring on a private D-Bus), for as long as one command runs in it."""

import os
import subprocess
import sys
from pathlib import Path

# The daemon is told the password of its (new) collection on standard input and announces itself on the session's bus.
_INSIDE = 'printf "%s" "$KEYRING_PASSWORD" | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$@"'


def with_secret_service(home: Path, script: str, *arguments: str, seconds: float = 60.0) -> str:
    """Run Python code in a session with an unlocked secret service; what it prints. Keys lie below `home`.

    Raises:
        AssertionError: it failed; with everything it said.
    """
    runtime = home / "runtime"
    runtime.mkdir(parents=True, mode=0o700, exist_ok=True)
    ours = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_RUNTIME_DIR": str(runtime),
        "KEYRING_PASSWORD": "of the desktop's login",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    argv = ["dbus-run-session", "--", "sh", "-c", _INSIDE, "sh", sys.executable, "-c", script, *arguments]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
