"""The language that agent, relay and technician share. Pure: no I/O, no clock, no event loop.

Five nouns:
    Channel   TLS 1.3 between technician and agent; bytes in, bytes out; the relay only carries it.
    Frame     a piece of a message on one of four lanes (input > control > screen > bulk).
    Message   one typed thing a side says (`protocol.messages`).
    Session   one assisted session: channel, frames, pairing and grants composed.
    Link      what a peer and the relay say to each other: login, codes, tunnels, mailbox.

Every machine has one contract: `receive_data(data, now)`, `send_*`, `events()`, `data_to_send()`, `next_deadline()`,
`handle_deadline(now)`. `now` is monotonic seconds. `SPEC.md` beside this file describes every wire byte by byte.
"""
