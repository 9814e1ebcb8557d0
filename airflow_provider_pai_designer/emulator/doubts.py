"""What the vendor does not document, as named switches: each has its readings, and the emulator plays any of them.

A client that passes with every reading does not depend on what nobody could check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_HELP = "https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-"
_NEW_HELP = _HELP.replace("2020", "2024")
_FLOW_HELP = "https://help.aliyun.com/zh/pai/developer-reference/api-paiflow-2021-02-02-"
_STUDIO_HELP = _FLOW_HELP.replace("paiflow", "paistudio")


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One open question.

    :param readings: the possible answers; the first is the default.
    :param check: what would answer it on a real account; it writes, unless it begins with ``Reads only``.
    :param source: where the documentation leaves it open.
    """

    name: str
    question: str
    readings: tuple[str, ...]
    check: str
    source: str

    @property
    def default(self) -> str:
        """The reading played unless the seed chooses another one."""
        return self.readings[0]


_ALL = (
    Doubt(
        name="backfill_dags",
        question="Does a backfill over several business dates make one remote DAG per date, or one for all?",
        readings=("per_date", "single"),
        check="Start a backfill over two dates, and count what ListDags shows for its OpSeq.",
        source=_HELP + "runcycledagnodes",
    ),
    Doubt(
        name="node_params",
        question="Do the parameters given with a run merge over the node's own, or replace all of them?",
        readings=("merge", "replace"),
        check="Test a node of two parameters with one of them given, and read both in the log of its instance.",
        source=_HELP + "runsmoketest",
    ),
    Doubt(
        name="smoke_node_params",
        question="Is NodeParams of RunSmokeTest JSON by node id (the page's text) or plain k=v (its sample)?",
        readings=("json", "plain"),
        check="Start a test with NodeParams as JSON, one with plain pairs, and see which the log shows.",
        source=_HELP + "runsmoketest",
    ),
    Doubt(
        name="update_omitted",
        question="Does UpdateFile keep the values that are not sent, or reset them to their defaults?",
        readings=("keep", "clear"),
        check="Change nothing but the description of a node, and compare GetFile before and after.",
        source=_HELP + "updatefile",
    ),
    Doubt(
        name="duplicate_file",
        question="Does CreateFile refuse a name that the folder already has?",
        readings=("refuse", "allow"),
        check="Create two files of one name in one folder, and delete what was made.",
        source=_HELP + "createfile",
    ),
    Doubt(
        name="instance_lag",
        question="How many seconds after a run was started does ListInstances show its instances?",
        readings=("0", "5"),
        check="Start a test, and list its instances every second until there is one.",
        source=_HELP + "listinstances",
    ),
    Doubt(
        name="effective_window",
        question="Does a test outside the node's effective window run, or end as a dry run?",
        readings=("runs", "dry_run"),
        check="Test a node whose effective window lies in 2099, and read TaskType of its instance.",
        source=_HELP + "createfile",
    ),
    Doubt(
        name="frozen_test",
        question="Does a test of a frozen node (PAUSE) fail at its start, or run?",
        readings=("fail", "run"),
        check="Test a node of type PAUSE, and read Status and TaskType of its instance.",
        source=_HELP + "runsmoketest",
    ),
    Doubt(
        name="node_id_envs",
        question="Does one file have the same node id in DEV and in PROD?",
        readings=("same", "differ"),
        check="Reads only: ask GetNode in DEV and in PROD for the NodeId that GetFile shows of a deployed node.",
        source=_HELP + "getfile",
    ),
    Doubt(
        name="submit_in_basic",
        question="What does SubmitFile do in a basic-mode workspace: nothing, successfully, or an error?",
        readings=("noop", "error"),
        check="Submit a file of a basic-mode workspace, and read the deployment.",
        source=_HELP + "submitfile",
    ),
    Doubt(
        name="transient_failure",
        question="Does an instance show FAILURE between a failed try and its automatic rerun?",
        readings=("no", "yes"),
        check="Test a node that fails and has automatic reruns, and note every Status of its instance.",
        source=_HELP + "getinstance",
    ),
    Doubt(
        name="list_order",
        question="Does a list keep its order while it is paged through, or do rows shift between pages?",
        readings=("stable", "shifts"),
        check="Reads only: page twice through ListInstances of a busy day, and count ids that come twice or never.",
        source=_HELP + "listinstances",
    ),
    Doubt(
        name="business_errors",
        question="Do errors of the service come with HTTP 200 and Success false, or with HTTP 400?",
        readings=("soft", "http"),
        check="Reads only: ask GetFile for a file that does not exist, and look at the HTTP status.",
        source=_HELP + "errorcodes",
    ),
    Doubt(
        name="smoke_cycles",
        question="Does a test of an hourly node make one instance for the first cycle of the day, or one per cycle?",
        readings=("first", "all"),
        check="Test an hourly node, and count the instances of its run.",
        source=_HELP + "runsmoketest",
    ),
    Doubt(
        name="future_test",
        question="Does a test whose schedule time is still to come run at once, or wait for that time?",
        readings=("runs", "waits"),
        check="Test a node for yesterday before its schedule time of today, and see when it runs.",
        source=_HELP + "runsmoketest",
    ),
    Doubt(
        name="stop_finished",
        question="Is StopInstance of an instance that has ended accepted without effect, or refused?",
        readings=("accept", "refuse"),
        check="Stop an instance of a test that has ended, and look at the answer.",
        source=_HELP + "stopinstance",
    ),
    Doubt(
        name="stopped_reruns",
        question="Does a stopped instance show 0 automatic reruns left, or the number it had?",
        readings=("zero", "kept"),
        check="Stop a test of a node with automatic reruns, and read TaskRerunTime of its instance.",
        source=_HELP + "stopinstance",
    ),
    Doubt(
        name="deletion_id",
        question="Is DeploymentId 0 or absent when DeleteFile deletes a file that was never submitted?",
        readings=("zero", "absent"),
        check="Delete a file that was never submitted, and look for DeploymentId in the answer.",
        source=_HELP + "deletefile",
    ),
    Doubt(
        name="restart_active",
        question="Is RestartInstance of an instance that has not ended refused, or accepted without effect?",
        readings=("refuse", "accept"),
        check="Restart an instance of a test that is still going, and look at the answer.",
        source=_HELP + "restartinstance",
    ),
    Doubt(
        name="restart_rerun_mode",
        question="Does the node's rerun mode govern RestartInstance, or is it ignored there?",
        readings=("governs", "ignored"),
        check="Restart an instance of a node with the rerun mode ALL_DENIED, and look at the answer.",
        source=_HELP + "restartinstance",
    ),
    Doubt(
        name="new_dependencies_version",
        question="Does a node keep dependencies that stand under flow of a FlowSpec 1.1.0, or only those of a 2.0.0?",
        readings=("any", "only_2.0.0"),
        check="Create a node by a FlowSpec 1.1.0 that depends on the root, and read ListNodeDependencies.",
        source=_NEW_HELP + "createnode",
    ),
    Doubt(
        name="new_dependencies_dropped",
        question="Does CreateNode drop the dependencies of a node whose id and name differ, or keep them?",
        readings=("unless_id_is_name", "kept"),
        check="Create a node whose id and name differ and that depends on the root, and read ListNodeDependencies.",
        source=_NEW_HELP + "createnode",
    ),
    Doubt(
        name="new_update_depth",
        question="Does UpdateNode keep what is not sent inside of a member such as trigger, or only whole members?",
        readings=("all", "members"),
        check="Send a trigger with a cron only to a node with an effective window, and read GetNode.",
        source=_NEW_HELP + "updatenode",
    ),
    Doubt(
        name="new_dev_task_id",
        question="Does GetNode show a TaskId after the node was published to development only?",
        readings=("yes", "no"),
        check="Publish a node with AutoRunUntilStage DEV, and look for TaskId in GetNode.",
        source=_NEW_HELP + "getnode",
    ),
    Doubt(
        name="new_task_id_envs",
        question="Does one node have the same task id in development and in production?",
        readings=("same", "differ"),
        check="Reads only: compare the Id of a published node in ListTasks of Dev and of Prod.",
        source=_NEW_HELP + "gettask",
    ),
    Doubt(
        name="new_second_publish",
        question="May a node be published while an earlier publishing run of it has not ended?",
        readings=("accept", "refuse"),
        check="Start a second publishing run before the first one was driven to its end.",
        source=_NEW_HELP + "createpipelinerun",
    ),
    Doubt(
        name="new_periods_required",
        question="Is Periods required for a SmokeTest, or is a test without it for yesterday?",
        readings=("no", "yes"),
        check="Start a SmokeTest without Periods, and read BizDate of the workflow instance.",
        source=_NEW_HELP + "createworkflowinstances",
    ),
    Doubt(
        name="new_instances_lag",
        question="How many seconds after a workflow instance was created does ListTaskInstances show its instances?",
        readings=("0", "5"),
        check="Start a SmokeTest, and call ListTaskInstances every second from Created on.",
        source=_NEW_HELP + "listtaskinstances",
    ),
    Doubt(
        name="new_wrong_generation",
        question="Do Data Studio calls of 2024-05-18 fail in a workspace of the legacy DataStudio, or find it empty?",
        readings=("error", "empty"),
        check="Reads only: call ListNodes of 2024-05-18 in a workspace of the legacy DataStudio.",
        source=_NEW_HELP + "listnodes",
    ),
    Doubt(
        name="pai_id_in_log",
        question="Does the log of a Designer node's instance name its PAIFlow run?",
        readings=("yes", "no"),
        check="Reads only: look for flow- in the log of an instance of a Designer node.",
        source="https://www.alibabacloud.com/help/en/dataworks/user-guide/pai-designer-node",
    ),
    Doubt(
        name="pai_rerun",
        question="Does RerunPipelineRun run the same id again, or make a run that its reply does not name?",
        readings=("same_id", "new_run"),
        check="Rerun a run that has ended, and compare ListPipelineRuns before and after.",
        source=_FLOW_HELP + "rerunpipelinerun",
    ),
    Doubt(
        name="pai_bad_manifest",
        question="Does CreatePipelineRun refuse a manifest that cannot run, or does its run fail?",
        readings=("refuse", "run_fails"),
        check="Create a run of a manifest whose two steps depend on each other, not to be started.",
        source=_FLOW_HELP + "createpipelinerun",
    ),
    Doubt(
        name="pai_terminate_ended",
        question="Does TerminatePipelineRun refuse a run that has ended?",
        readings=("refuse", "accept"),
        check="Terminate a run that has succeeded.",
        source=_FLOW_HELP + "terminatepipelinerun",
    ),
    Doubt(
        name="pai_list_lag",
        question="How many seconds after it was created does ListPipelineRuns show a run?",
        readings=("0", "5"),
        check="Create a run, and call ListPipelineRuns every second.",
        source=_FLOW_HELP + "listpipelineruns",
    ),
    Doubt(
        name="pai_status_ids",
        question="How many runs does ListPipelineRunsStatus take in one call?",
        readings=("any", "20"),
        check="Reads only: ask for the states of more and more runs, until the call is refused.",
        source=_FLOW_HELP + "listpipelinerunsstatus",
    ),
    Doubt(
        name="pai_name_filter",
        question="Does the parameter Name of the lists of PAI want a part of the name, or all of it?",
        readings=("part", "exact"),
        check="Reads only: list runs and pipelines by a part of a name.",
        source=_STUDIO_HELP + "listexperiments",
    ),
    Doubt(
        name="pai_run_id_lag",
        question="How many seconds after CreateJob does GetJob show its RunId?",
        readings=("0", "5"),
        check="Create a job, and call GetJob every second.",
        source=_STUDIO_HELP + "getjob",
    ),
    Doubt(
        name="pai_job_lag",
        question="How many seconds after CreateJob does ListJobs show the job?",
        readings=("0", "5"),
        check="Create a job, and call ListJobs every second.",
        source=_STUDIO_HELP + "listjobs",
    ),
    Doubt(
        name="pai_second_job",
        question="Does CreateJob refuse a pipeline of which another job goes on?",
        readings=("accept", "refuse"),
        check="Create two jobs of one pipeline, one right after the other.",
        source=_STUDIO_HELP + "createjob",
    ),
    Doubt(
        name="pai_job_variables",
        question="Does RunInfo of a job keep ${name} of the pipeline's variables, or hold their values?",
        readings=("kept", "replaced"),
        check="Reads only: look for ${ in RunInfo of a job of a pipeline that has a variable.",
        source=_STUDIO_HELP + "getjob",
    ),
    Doubt(
        name="pai_root_folder",
        question="May the FolderId of CreateExperiment be root, as that of PublishExperiment may?",
        readings=("accept", "refuse"),
        check="Create a blank pipeline in the folder root, and delete it.",
        source=_STUDIO_HELP + "createexperiment",
    ),
)

DOUBTS: Mapping[str, Doubt] = {doubt.name: doubt for doubt in _ALL}


def check(chosen: Mapping[str, str]) -> None:
    """Check a choice of readings.

    :raises ValueError: a name or a reading that the table does not have.
    """
    for name, reading in chosen.items():
        if name not in DOUBTS:
            raise ValueError(f"There is no doubt {name!r}; known: {', '.join(sorted(DOUBTS))}.")
        if reading not in DOUBTS[name].readings:
            raise ValueError(f"The doubt {name!r} has no reading {reading!r}: {', '.join(DOUBTS[name].readings)}.")
