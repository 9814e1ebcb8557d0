"""An Airflow of a test's own, whose components can be made to die."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from airflow_provider_pai_designer.local_airflow import LocalAirflow, end


class RealAirflow(LocalAirflow):
    """A fresh Airflow; DAG files go into its folder ``dags``."""

    @contextmanager
    def running(self, *dag_ids: str) -> Iterator[None]:
        """Run all components for the length of a ``with`` block, with these DAGs, and no others, switched on."""
        try:
            self.migrate()
            self.start_all()
            self.wait_for("the DAGs", lambda: self.call("/dags")["total_entries"] == len(dag_ids))
            for dag_id in dag_ids:
                self.switch_on(dag_id)
            yield
        finally:
            self.stop()

    def kill(self, name: str) -> None:
        """End a component and its children as a crash would, with SIGKILL."""
        self.signal(name, signal.SIGKILL)
        self._processes.pop(name).wait()

    def end(self, name: str) -> None:
        """End a component as a deployment does, with SIGTERM."""
        end([self._processes.pop(name)])

    def signal(self, name: str, what: signal.Signals) -> None:
        """Send a signal to a component and its children."""
        component = psutil.Process(self._processes[name].pid)
        for member in (component, *component.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                member.send_signal(what)
