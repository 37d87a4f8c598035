"""The demonstration: everything Handrail consists of, started for real on this machine, and a check that plays the technician.

`world` starts relay, signer, agent and console through their own commands; `desktop` is the assisted person's display;
`check` drives a real Chromium and compares what it shows with what is there. Nothing in the product knows about any of it.
"""
