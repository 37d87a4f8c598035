"""The input and output that agent, relay and technician have in common: what each of them would else write again.

    allocator       memory that was freed goes back to the system
    enrolment       bundles, and requests to the organisation's signer through the relay
    errors          what is common to their errors
    named_files     files that a person names on a command line
    private_files   files with keys and secrets: their owner's alone, replaced whole or not at all
    relay_http      short requests to the relay, whose key is compared first
    tasks           tasks that somebody keeps, whose errors never vanish

Imports `protocol` and what every program is installed with, never a program. What only the two peers share (and is not installed
beside a relay) is named in `tests/architecture/test_imports.py`.
"""
