"""A local DataWorks and PAI that the official SDKs talk to: real wire format, signatures and state, simulated time.

How a request travels::

    serving      the socket: Starlette and uvicorn, the only module that knows them
    gateway      the wire: signature (``signature``), parameters and envelopes (``operations``), errors
    faults       what becomes of single calls that were seeded to fail
    engine       brings the state up to the present before the request is looked at
    dataworks_2020_05_18/   one function per operation: wire names in, wire names out
    studio, releases, scheduler   what the operations act on: files; submit and deploy; nodes, runs, instances
    paiflow_2021_02_02, paistudio_2021_02_02   the same for PAI; what both share is in ``pai``
    flows, canvas   what these act on: runs of PAIFlow, which instances of nodes are too; drawings of pipelines
    pipeline     what a run or an instance does: a manifest read, replaced and run over simulated time
    world        what all of them share: ``store``, one SQLite file, and ``clock``, which can be frozen and advanced
    pages        what people see of all that: state in, HTML out; its buttons call the same functions

Beside it: ``seed`` (the world at start), ``doubts`` (what the vendor does not document, as switches), ``control``
(the emulator's own side: state, clock, counters), ``command`` (the command line), and ``launch`` with
``control_client`` for those who use it.
"""

from __future__ import annotations
