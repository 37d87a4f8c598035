"""What each attacker tries, on real processes wherever a process can be had; one or more tests for each row of THREATS.md.

`make attacks` runs them twice: as they are, and each once more for every control that it is about with that control taken away
(see tests/kit/controls.py). In the second run a test must fail; one that still passes proves nothing about its control and is
reported.
"""
