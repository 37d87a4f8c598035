"""X11 by xcffib: `capture` (XDamage, XFixes regions, zero-copy XShm, RandR), `cursor` (XFixes), `input` and `keyboard` (XTest).

Each object owns a `connection` of its own and is used by one thread.
"""
