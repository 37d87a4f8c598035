"""The input and output that agent, relay and technician have in common: what each of them would else write again.

    allocator          memory that was freed goes back to the system
    dialling           how a program dials the relay
    enrolment          bundles, and requests to the organisation's signer through the relay
    errors             what is common to their errors
    exit_codes         how every command ends
    forward_pump       a forwarded connection joined to a socket
    named_files        files that a person names on a command line
    private_files      files with keys and secrets: their owner's alone, replaced whole or not at all
    received_files     files that arrive: under a name of their own until they are whole
    relay_http         short requests to the relay
    relay_tls          the relay's key: the pinned one, compared before a byte is sent, or one that an authority vouches for
    relay_websocket    links and tunnels through the relay
    signed_repository  the organisation's signed files as the relay mirrors them, verified
    steps              what a command is doing, beside a spinner
    tasks              tasks that somebody keeps, whose errors never vanish

Imports `protocol` and what every program is installed with, never a program. What only the two peers share (and is not installed
beside a relay) is named in `tests/architecture/test_imports.py`.
"""
