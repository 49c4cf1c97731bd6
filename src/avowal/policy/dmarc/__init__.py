"""DMARC: RFC 9989, and RFC 7489 beside it to show where receivers differ.

`record` reads what stands at _dmarc; `discovery` finds the record that applies and the
organizational domain; `alignment` compares names; `evaluate` gives the verdict;
`destinations` checks who may receive reports; `suffixes` reads the public suffix
list.  Reports themselves belong to `avowal.report`.
"""
