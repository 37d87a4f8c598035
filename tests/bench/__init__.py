"""Benchmarks: they start real systems, measure from outside, and print ratios to a peer or a physical limit of the same run.

`screens` measures source pixel to viewer pixel; `harness` starts and stops one system and runs the workloads that
`glass.c` draws and samples;
`peers` says how each peer is started; `handrail_peer` is ours. Results are JSON lines in build/bench/.
"""
