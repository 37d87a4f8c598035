"""Every parser that reads what strangers send, as a function of bytes: for hypothesis in the suite (`test_targets.py`) and for a
coverage-guided fuzzer that runs as long as it is let (`make fuzz MINUTES=10`)."""
