"""Recordings of sessions: the stream as it was sent, sealed in a file that is only ever appended to.

`container`  the file: sealed records, one after another        `writer`  messages into records, with points to seek to
`reader`     from any moment to the picture of that moment       `recorder`  a running session's messages to a writer
`announced`  nothing is written before the device has said yes   `library`   the recordings of this computer
`export`     to a standard video file
"""
