"""One emulator for each module, its clock standing still: nothing happens unless a test lets time pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from airflow_provider_pai_designer.emulator.doubts import DOUBTS
from airflow_provider_pai_designer.emulator.launch import launch
from tests.emulator.new_support import DataStudio
from tests.emulator.pai_support import Pai
from tests.emulator.support import DataWorks


@pytest.fixture(scope="module")
def running() -> Iterator[DataWorks]:
    with launch() as emulator:
        emulator.control.clock.freeze()
        yield DataWorks(emulator=emulator)


@pytest.fixture
def dataworks(running: DataWorks) -> Iterator[DataWorks]:
    """The emulator of this module, without the behaviours that earlier tests seeded."""
    yield running
    running.emulator.control.clear_behaviours()


@pytest.fixture
def reading(dataworks: DataWorks) -> Iterator[Callable[[str, str], None]]:
    """Choose the reading of a doubt for one test."""

    def choose(doubt: str, value: str) -> None:
        dataworks.emulator.control.seed({"doubts": {doubt: value}})

    yield choose
    dataworks.emulator.control.seed({"doubts": {name: doubt.default for name, doubt in DOUBTS.items()}})


@pytest.fixture
def studio(dataworks: DataWorks) -> DataStudio:
    """The same emulator, in the hand of the SDK for the new Data Studio."""
    return DataStudio(dataworks=dataworks)


@pytest.fixture
def pai(dataworks: DataWorks) -> Pai:
    """The same emulator, in the hand of the SDKs for PAI."""
    return Pai(dataworks=dataworks)
