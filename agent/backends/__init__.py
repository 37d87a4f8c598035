"""Everything that depends on the platform, and the only package that asks which platform this is.

`base` says what a platform can do, `choose` opens the best that works here and says why, `geometry` holds rectangles;
`x11/`, `mss_capture`, `fake/` do the work.
"""
