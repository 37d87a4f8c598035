"""Running approved scripts.

    verify     may this script run here, for this technician, with these values? and: are the bytes still the approved ones?
    workspace  a directory of the run's own, also when the disk is full
    output     what a script prints, made harmless, cut to its limit
    guard      the small process between agent and script: no descendant outlives it
    guarded    starts the guard, streams, ends it at the timeout or on demand
    run        detect, run, verify, undo; and one run at a time

Only an `agent.trust.VerifiedScript` can be run; nothing here takes a path, a command line or a script's text from a message.
"""
