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
        "operators": [_modules("operators.pai_designer")],
        "sensors": [_modules("sensors.pai_designer")],
        "triggers": [_modules("triggers.pai_designer")],
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
                        "port": "Port (not used)",
                    },
                    "placeholders": {"port": "443"},
                },
                "conn-fields": {
                    "region": _text_field("Region", "Region id of the workspace, such as cn-shanghai"),
                    "workspace": _text_field("Workspace", "Identifier or number of the DataWorks workspace"),
                    "data_studio": {
                        "label": "Data Studio",
                        "description": "Which generation of DataStudio the workspace has",
                        "schema": {"type": "string", "enum": ["legacy", "new"], "default": "legacy"},
                    },
                    "timezone": _text_field(
                        "Time zone", "Scheduling time zone of the workspace; empty: [pai_designer] timezone"
                    ),
                    "network": {
                        "label": "Network",
                        "description": "vpc where Airflow runs inside the region's network",
                        "schema": {"type": "string", "enum": ["public", "vpc"], "default": "public"},
                    },
                    "authentication": {
                        "label": "Authentication",
                        "description": (
                            "access_key: the pair above; sts: the pair with an STS token; ram_role_arn: a role assumed "
                            "with the pair; ecs_ram_role, default: configured on the machine, the pair stays empty"
                        ),
                        "schema": {
                            "type": "string",
                            "enum": ["access_key", "sts", "ram_role_arn", "ecs_ram_role", "default"],
                            "default": "access_key",
                        },
                    },
                    "sts_token": {
                        "label": "STS token",
                        "description": "For the authentication sts",
                        "schema": {"type": ["string", "null"], "format": "password"},
                    },
                    "role_arn": _text_field(
                        "Role",
                        "ARN of the role to assume (ram_role_arn), or name of the instance's role (ecs_ram_role)",
                    ),
                    "role_session_name": _text_field("Role session name", "How the session shows in the audit log"),
                    "calls_per_second": {
                        "label": "Calls per second",
                        "description": (
                            "What each worker process and triggerer may use of the account's calls. Empty: 5, which "
                            "editions below Enterprise allow the whole account"
                        ),
                        "schema": {"type": ["number", "null"]},
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


def _modules(name: str) -> dict[str, object]:
    return {
        "integration-name": "Alibaba Cloud PAI Designer",
        "python-modules": [f"airflow_provider_pai_designer.{name}"],
    }


def _text_field(label: str, description: str) -> dict[str, object]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"]}}
