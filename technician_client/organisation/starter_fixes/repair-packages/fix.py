"""Finish what dpkg and apt have left half done.

Exit codes: detect 0 = something is half done, 1 = nothing; run and verify 0 = done; anything else = failed.
"""

import subprocess
import sys

KEEP_SETTINGS = ("--force-confdef", "--force-confold")
APT = (
    "apt-get",
    "--assume-yes",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
    "--option=DPkg::Lock::Timeout=120",
)


def stream(*arguments: str) -> int:
    """Run a program without a shell; its output goes on as it comes."""
    sys.stdout.write("+ " + " ".join(arguments) + "\n")
    sys.stdout.flush()
    return subprocess.run(arguments, stdin=subprocess.DEVNULL, check=False).returncode


def broken() -> bool:
    """Whether dpkg or apt has something to complain about.

    Raises:
        SystemExit: dpkg does not work here (2).
    """
    audit = subprocess.run(["dpkg", "--audit"], capture_output=True, text=True, check=False)
    if audit.stdout.strip():
        sys.stdout.write(audit.stdout)
        return True
    if audit.returncode not in (0, 1):
        sys.stderr.write(audit.stderr)
        raise SystemExit(2)
    check = subprocess.run(["apt-get", "check"], capture_output=True, text=True, check=False)
    # Who is not root cannot take apt's lock; dpkg's word counts then.
    if check.returncode != 0 and "unmet" in (check.stdout + check.stderr).lower():
        sys.stdout.write(check.stderr)
        return True
    return False


def main(arguments: list[str]) -> int:
    """detect | run | verify."""
    if arguments == ["run"]:
        failed = stream("dpkg", "--configure", "--pending", *KEEP_SETTINGS)
        mended = stream(*APT, "--fix-broken", "install")
        # What lacked a dependency at first can be configured now.
        return 0 if mended == 0 and (failed == 0 or stream("dpkg", "--configure", "--pending", *KEEP_SETTINGS) == 0) else 2
    found = broken()
    if arguments == ["detect"]:
        return 0 if found else 1
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
