"""The technician's console: a small server on 127.0.0.1 and the page it gives to a browser on the same computer.

Nouns: the **guard** decides for every request whether it comes from our own page (`guard`, security.md section 7); a **port** is
what the console needs of the relay client and of a session (`ports`); a **live session** (`hub`) is one session with its state,
kept across a reload of the tab; a **bridge** (`bridge`) is one WebSocket between a tab and its live session. Encryption ends in
this process: the browser sees pixels, text and numbers, never a key or an end-to-end frame.
"""
