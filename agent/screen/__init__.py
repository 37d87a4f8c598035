"""From damage on the display to updates for the viewer.

`frames`    the display's pixels and what the viewer shows, side by side, and a grid of 16 x 16 pixel cells over both
`damage`    which cells differ; cells to rectangles
`copy`      what only moved
`classify`  flat and text-like, or like a photograph
`tiles`     lossless tiles
`colour`, `video`  H.264 of the area in motion
`refine`    when what was sent lossy becomes exact
`encode`    one update from all of these
`pacing`    whether an update may go now
`cursor`    the pointer's own messages
`pipeline`  the thread that runs it all
"""
