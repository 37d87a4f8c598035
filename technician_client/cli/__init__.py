"""The `handrail` command: one module per command, loaded when it is called.

`app` is what every command is given, `output` the only way to the terminal, `exit_codes` the one table of what a number means.
"""
