"""Install pending updates with apt.

Exit codes: detect 0 = there are updates, 1 = none; run and verify 0 = done; anything else = failed.
"""

import subprocess
import sys

APT = (
    "apt-get",
    "--assume-yes",
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
    "--option=DPkg::Lock::Timeout=300",
)


def pending() -> int:
    """How many packages an upgrade would install now, by the lists that are here.

    Raises:
        SystemExit: apt does not work here (2).
    """
    done = subprocess.run(["apt-get", "--simulate", "upgrade"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        raise SystemExit(2)
    return sum(line.startswith("Inst ") for line in done.stdout.splitlines())


def stream(*arguments: str) -> int:
    """Run a program without a shell; its output goes on as it comes."""
    sys.stdout.write("+ " + " ".join(arguments) + "\n")
    sys.stdout.flush()
    return subprocess.run(arguments, stdin=subprocess.DEVNULL, check=False).returncode


def main(arguments: list[str]) -> int:
    """detect | run | verify."""
    if arguments == ["run"]:
        if stream(*APT, "update") != 0:
            sys.stderr.write("The lists of packages could not be fetched. Check the network and the sources of packages.\n")
            return 2
        return 0 if stream(*APT, "upgrade", "--with-new-pkgs") == 0 else 2
    count = pending()
    sys.stdout.write(f"{count} updates are pending.\n")
    if arguments == ["detect"]:
        return 0 if count else 1
    return 0 if count == 0 else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
