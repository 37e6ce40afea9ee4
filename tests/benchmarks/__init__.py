"""What wfkit costs beside its peers, measured in the same run: `python -m tests.benchmarks [case...]`.

Every measurement is a process of its own; contestants take turns, and the table shows medians. Nothing here is a test:
no figure depends on the machine, only ratios between contestants do.
"""
