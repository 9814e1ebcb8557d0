"""A thousand deferred runs of one business date."""

from __future__ import annotations

from benchmarks.report import Line, Section, at_most
from benchmarks.rows.bench import ONE_DAY, PEERS_OF_A_THOUSAND, Bench, seconds

CASES = (ONE_DAY, *PEERS_OF_A_THOUSAND)
COUNTS_ONLY = False


def measure(bench: Bench) -> Section:
    """Return the lines of this row."""
    ours = bench.loads[ONE_DAY]
    unseen = {case.subject: seconds(bench.loads[case].delay(0.95)) for case in PEERS_OF_A_THOUSAND}
    return Section(
        title="1,000 deferred runs of one day",
        notes="The service takes five calls a second. All runs are more than ten minutes old, so that none is polled "
        "more often than any other. Ours speaks HTTP with the emulator, the peers TLS with a fake of their service, "
        "the SDK's methods TLS with the emulator. Databricks and the SDK poll every 30 s, dbt Cloud every 60 s.",
        lines=[
            at_most("calls", ours.calls, 0.4, form="{:.2f}/s", beside=bench.peers("{load.calls:.1f}/s")),
            at_most("connections at once", ours.connections, 1, form="{}", beside=bench.peers("{load.connections}")),
            Line(
                what="new connections",
                measured=f"{ours.handshakes:.2f}/s",
                beside=bench.peers("{load.handshakes:.1f}/s"),
            ),
            at_most("calls refused as too many", ours.throttled, 0, form="{}", beside=bench.peers("{load.throttled}")),
            at_most("triggers that failed", ours.failures, 0, form="{}", beside=bench.peers("{load.failures}")),
            Line(
                what="end of a run seen, p95",
                measured=seconds(ours.delay(0.95)),
                target="within 60 s",
                met=ours.delay(0.95) <= 60,
                beside="; ".join(f"{subject}: {delay}" for subject, delay in unseen.items()),
            ),
            Line(what="end of a run seen, p50", measured=seconds(ours.delay(0.5))),
        ],
    )
