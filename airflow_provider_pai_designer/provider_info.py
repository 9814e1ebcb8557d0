"""What Airflow reads about this provider. Every Airflow process loads this module, so it imports nothing."""

from __future__ import annotations


def get_provider_info() -> dict[str, object]:
    """Return the provider's description in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-pai-designer",
        "name": "PAI Designer",
        "description": "Create, deploy and run PAI Designer nodes of Alibaba Cloud DataWorks.",
        "integrations": [
            {
                "integration-name": "Alibaba Cloud PAI Designer",
                "external-doc-url": "https://www.alibabacloud.com/help/en/dataworks/user-guide/pai-designer-node",
                "tags": ["service"],
            }
        ],
        "hooks": [_modules("hooks.pai_designer")],
        "operators": [_modules("operators.pai_designer", "operators.pipelines", "operators.run_pipeline")],
        "sensors": [_modules("sensors.pai_designer", "sensors.pipeline_run")],
        "triggers": [_modules("triggers.pai_designer", "triggers.pipeline_run")],
        "extra-links": [
            "airflow_provider_pai_designer.links.pai_designer.OperationCenterLink",
            "airflow_provider_pai_designer.links.pai_designer.PaiDesignerLink",
            "airflow_provider_pai_designer.links.pai_designer.PipelineRunLink",
        ],
        "connection-types": [
            {
                "connection-type": "pai_designer",
                "hook-class-name": "airflow_provider_pai_designer.hooks.pai_designer.PaiDesignerHook",
                "hook-name": "Alibaba Cloud PAI Designer (DataWorks)",
                "ui-field-behaviour": {
                    "hidden-fields": ["host", "schema"],
                    "relabeling": {
                        "login": "AccessKey ID",
                        "password": "AccessKey Secret",
                        "port": "Port (for the Test button)",
                    },
                    "placeholders": {"port": "443"},
                },
                "conn-fields": {
                    "workspace": _text_field(
                        "Workspace", "Identifier or number of the DataWorks workspace; operators may name another one"
                    ),
                    "region": _text_field("Region", "Region id of the workspace, such as cn-shanghai"),
                    "network": _choice(
                        "Network", "vpc where Airflow runs inside the region's network", ("public", "vpc")
                    ),
                    "data_studio": _choice(
                        "Data Studio", "Which generation of DataStudio the workspace has", ("legacy", "new")
                    ),
                    "edition": _choice(
                        "Edition",
                        "DataWorks edition of the account, which limits its calls; enterprise stands for higher ones",
                        ("standard", "basic", "professional", "enterprise"),
                    ),
                    "authentication": _choice(
                        "Authentication",
                        (
                            "access_key: the pair above; sts: the pair with an STS token; ram_role_arn: a role assumed "
                            "with the pair; ecs_ram_role, default: configured on the machine, the pair stays empty"
                        ),
                        ("access_key", "sts", "ram_role_arn", "ecs_ram_role", "default"),
                    ),
                    "role_arn": _text_field(
                        "Role",
                        "ARN of the role to assume (ram_role_arn), or name of the instance's role (ecs_ram_role)",
                    ),
                    "role_session_name": _text_field("Role session name", "How the session shows in the audit log"),
                    "sts_token": {
                        "label": "STS token",
                        "description": "For the authentication sts",
                        "schema": {"type": ["string", "null"], "format": "password"},
                    },
                    "dataworks_endpoint": _text_field(
                        "DataWorks endpoint", "Host name instead of the region's own; empty in most cases"
                    ),
                    "paiflow_endpoint": _text_field(
                        "PAIFlow endpoint", "Host name instead of the region's own; empty in most cases"
                    ),
                    "paistudio_endpoint": _text_field(
                        "PaiStudio endpoint", "Host name instead of the region's own; empty in most cases"
                    ),
                    "sts_endpoint": _text_field(
                        "STS endpoint", "Host name instead of the region's own; empty in most cases"
                    ),
                    "timezone": _text_field(
                        "Time zone", "Scheduling time zone of the workspace; empty: [pai_designer] timezone"
                    ),
                    "calls_per_second": {
                        "label": "Calls per second",
                        "description": (
                            "What each task that runs and each triggerer may use of the account's calls. Empty: what "
                            "the edition allows the whole account, 5, of enterprise 20"
                        ),
                        "schema": {"type": ["number", "null"]},
                    },
                },
            }
        ],
        "config": {
            "pai_designer": {
                "description": "PAI Designer nodes of Alibaba Cloud DataWorks.",
                "options": {
                    "timezone": {
                        "description": (
                            "Scheduling time zone of the DataWorks workspaces, where a connection names none. Business "
                            "dates are days in this zone, never in the DAG's zone.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "Asia/Singapore",
                        "default": "Asia/Shanghai",
                    }
                },
            }
        },
    }


def _modules(*names: str) -> dict[str, object]:
    return {
        "integration-name": "Alibaba Cloud PAI Designer",
        "python-modules": [f"airflow_provider_pai_designer.{name}" for name in names],
    }


def _text_field(label: str, description: str) -> dict[str, object]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"]}}


def _choice(label: str, description: str, choices: tuple[str, ...]) -> dict[str, object]:
    """A field with a drop-down, whose first choice is the default."""
    return {
        "label": label,
        "description": description,
        "schema": {"type": "string", "enum": list(choices), "default": choices[0]},
    }
