"""The daemon on the assisted machine: holds its identity, decides every request by itself, and asks the person there.

    cli        the `handrail-agent` commands; the only module that prints
    daemon     composition root: builds everything below and supervises it
    link       the control link to the relay, reconnected for ever
    session    one assisted session: the I/O shell round `protocol.session.AgentSession`
    policy     `decide()`: what this technician may do here and now, and the sentence why not
    consent    who is asked, how long, and that only a person answers
    local      the local socket: the user's own programs talk to the daemon
    audit      what happened, as a hash chain on disk, and the receipt the user keeps
    features/  one module per feature; each acts only on messages that were allowed
    backends/  the only place that asks which platform this is

Nothing the relay says is obeyed beyond carrying bytes; authority is the organisation's signed policy and the person present.
"""
