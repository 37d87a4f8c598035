"""X11 by xcffib: `capture` (XDamage, XFixes regions, zero-copy XShm, RandR), `cursor` (XFixes), `input` and `keyboard` (XTest).

Each object owns a `connection` of its own and is used by one thread.
"""

# Every extension that is used here, before the first connection: `xcffib.connect` walks through all that are imported, and fails
# when another thread imports one more meanwhile.
from xcffib import damage, randr, shm, xfixes, xinput, xkb, xproto, xtest

__all__ = ["damage", "randr", "shm", "xfixes", "xinput", "xkb", "xproto", "xtest"]
