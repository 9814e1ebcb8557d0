"""What a user would lose: an emulator that starts with the pipelines a test needs, or says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pai_designer.emulator.control_client import ControlError
from airflow_provider_pai_designer.emulator.launch import LaunchError, launch
from airflow_provider_pai_designer.emulator.seed import SeedError, parse
from tests.emulator.pai_support import CHURN, DAILY, Pai
from tests.emulator.support import DataWorks

DRAFT = {"id": "draft-seeded", "workspace_id": 100001, "name": "seeded", "content": "three_steps"}


def test_a_draft_can_be_added_later(pai: Pai) -> None:
    pai.dataworks.emulator.control.seed({"drafts": [{**DRAFT, "ran": True}]})
    (job,) = pai.studio("ListJobs", ExperimentId=DRAFT["id"])["Jobs"]
    assert job["Status"] == "Succeeded"
    assert pai.studio("GetExperiment", str(DRAFT["id"]))["Name"] == "seeded"


def test_what_was_run_already_meets_no_seeded_behaviour() -> None:
    """A step that is to fail once would otherwise have failed before anybody could see it."""
    steps = [{"behaviour": "fail", "step": "Write Table-1", "times": 1}]
    with launch(seed={"steps": steps}) as emulator:
        emulator.control.clock.freeze()
        pai = Pai(dataworks=DataWorks(emulator=emulator))
        (job,) = pai.studio("ListJobs", ExperimentId=DAILY)["Jobs"]
        assert job["Status"] == "Succeeded"
        later = pai.job(DAILY)
        pai.advance(60)
        assert pai.status(later["RunId"]) == "Failed"


def test_a_seed_with_workspaces_of_its_own_has_none_of_the_default_drafts() -> None:
    with launch(seed={"workspaces": [{"id": 7, "identifier": "mine"}]}) as emulator:
        pai = Pai(dataworks=DataWorks(emulator=emulator))
        assert pai.studio("ListExperiments", WorkspaceId="7")["Experiments"] == []
        assert pai.studio("ListTemplates", WorkspaceId="7")["TotalCount"] == 2


def test_what_ran_is_there_after_a_restart() -> None:
    with launch() as emulator:
        pai = Pai(dataworks=DataWorks(emulator=emulator))
        job = pai.job(CHURN)
        emulator.kill()
        emulator.restart()
        assert pai.studio("GetJob", job["JobId"])["RunId"] == job["RunId"]
        assert len(pai.studio("ListJobs", ExperimentId=CHURN)["Jobs"]) == 2


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"drafts": [{**DRAFT, "content": "nobody's"}]}, "A content is one of three_steps"),
        ({"templates": [{"id": "t", "name": "t", "content": "nobody's"}]}, "A content is one of three_steps"),
        ({"templates": [{"id": "t", "name": "t", "content": "three_steps", "type": "own"}]}, "'preset' or 'custom'"),
        ({"drafts": [{**DRAFT, "colour": "red"}]}, "no member 'colour'"),
        ({"draft_folders": [{"id": "folder-1"}]}, "DraftFolder"),
    ],
)
def test_a_seed_that_makes_no_sense(document: dict[str, Any], words: str) -> None:
    with pytest.raises(SeedError, match=words):
        parse(document)


def test_a_seed_that_names_no_workspace(pai: Pai) -> None:
    seed = {"drafts": [{**DRAFT, "workspace_id": 8}]}
    with pytest.raises(ControlError, match="There is no workspace 8"):
        pai.dataworks.emulator.control.seed(seed)
    with pytest.raises(LaunchError, match="There is no workspace 8"), launch(seed=seed):
        pass
