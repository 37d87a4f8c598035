"""From damage on the display to updates for the viewer.

`frames`    the display's pixels and what the viewer shows, side by side, and a grid of 16 x 16 pixel cells over both
`damage`    which cells differ; cells to rectangles
`copy`      what only moved
`classify`  flat and text-like, or like a photograph
`tiles`     lossless tiles
`film`      where a film is, and whether it still runs
`colour`, `video`, `av1`  H.264 or AV1 of the area in motion
`refine`    when what was sent lossy becomes exact
`encode`    one update from all of these
`pacing`    whether an update may go now
`cursor`    the pointer's own messages
`pipeline`  the thread that runs it all
"""
