"""What state this machine is in, and what is wrong with it.

    allowlist   every table and column that may leave this machine; what is not in it is dropped
    probe       what a probe is: a table's name, a budget, and a coroutine that returns rows or says why not
    probes/     one file per table; the parsing of other programs' output is pure and tested on recorded output
    collect     runs probes side by side within their budgets and filters what they return
    findings    applies the rules of rules/ to the tables
    document    writes docs/tables.md from the allow-list

Names of tables and columns are osquery's where osquery has them (https://osquery.io/schema).
"""
