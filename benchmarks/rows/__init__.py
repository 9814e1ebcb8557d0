"""One module for every row of the table of targets.

Each has ``CASES``, the loads that it reads; ``COUNTS_ONLY``, whether it counts calls alone, so that it may be measured
beside something else; and ``measure``, which returns its section of the page.
"""
