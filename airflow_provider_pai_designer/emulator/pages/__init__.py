"""The emulator's pages, for people: a workspace, a node, a run. No page of the vendor's is copied.

    answer       a request: which page, or which button; who may press one
    workspace, node, run    what a page tells, read from the world into plain data
    drawing      where things lie in a drawing: the steps of a pipeline, spans of time, calls
    render       plain data to HTML, with ``templates`` and ``assets``

No GET changes anything, but that time passes. A button does what the operation of the API does, with its very function.
"""

from __future__ import annotations
