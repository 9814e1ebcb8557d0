"""What a thousand deferred runs cost the triggerer."""

from __future__ import annotations

from benchmarks.report import Section, at_most
from benchmarks.rows.bench import ONE_DAY, PEERS_OF_A_THOUSAND, Bench

CASES = (ONE_DAY, *PEERS_OF_A_THOUSAND)
COUNTS_ONLY = False


def measure(bench: Bench) -> Section:
    """Return the lines of this row."""
    ours = bench.loads[ONE_DAY]
    return Section(
        title="The same: processor, memory, event loop",
        notes="Over as many triggers that only sleep, in the same process, after one trigger has run (so the import of "
        "an SDK, once per process, is not counted, for anybody).",
        lines=[
            at_most("share of a core", ours.percent, 1, form="{:.2f} %", beside=bench.peers("{load.percent:.1f} %")),
            at_most("memory", ours.mebibytes, 3, form="{:.1f} MiB", beside=bench.peers("{load.mebibytes:.0f} MiB")),
            at_most(
                "worst stall of the loop",
                ours.stall * 1000,
                50,
                form="{:.0f} ms",
                beside=bench.peers("{load.stall:.2f} s"),
            ),
        ],
    )
