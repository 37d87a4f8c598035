"""What a technician and an organisation's administrators run: the `handrail` command, its console and its sessions.

Nouns: an **identity** (`identity`) is the technician's key and short certificate; a **relay client** (`link`) is one logged-in
control link to the organisation's relay; a **session** (`sessions`) is one sealed tunnel to one device; a **fleet run**
(`fleet`) is the same work on many devices. `console/` shows sessions in a browser on this computer, `cli/` in a terminal,
`organisation/` holds the keys of those who decide who may do what. Nothing here is imported by the relay or by an agent.
"""
