"""Takes single controls away from a process of the product, for the second run of the attack tests: they must then fail.

On PYTHONPATH only in that run; HANDRAIL_WITHOUT names the controls (see tests/kit/controls.py). The product has no such switch.
"""

import os

from tests.kit.controls import take_away

for name in os.environ.get("HANDRAIL_WITHOUT", "").split(","):
    if name:
        take_away(name, setattr)
