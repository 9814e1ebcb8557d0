-- Times are epoch milliseconds of the simulated clock, except in nonces and counters, which count real seconds.
-- Columns named settings, rule, log and the like hold JSON.

CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequences (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS workspaces (
    id INTEGER PRIMARY KEY,
    identifier TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    mode TEXT NOT NULL,                 -- basic, standard
    edition TEXT NOT NULL,
    region TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    owner TEXT NOT NULL,
    pai_authorised INTEGER NOT NULL,
    created INTEGER NOT NULL,
    data_studio TEXT NOT NULL,          -- legacy, new
    approval INTEGER NOT NULL           -- 1 where somebody must approve what is published to production
);
CREATE TABLE IF NOT EXISTS access_keys (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    secret TEXT NOT NULL,
    account TEXT NOT NULL,
    security_token TEXT,
    workspaces TEXT                     -- list of workspace ids, NULL for all
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS resource_groups (
    id INTEGER PRIMARY KEY,
    identifier TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    type INTEGER NOT NULL,
    mode TEXT NOT NULL,
    is_default INTEGER NOT NULL,
    created INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS business_flows (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    UNIQUE (workspace_id, name)
);
CREATE TABLE IF NOT EXISTS folders (
    id TEXT PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    UNIQUE (workspace_id, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    type INTEGER NOT NULL,
    folder TEXT NOT NULL,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    content TEXT NOT NULL,
    settings TEXT NOT NULL,             -- the node configuration under the vendor's names
    use_type TEXT NOT NULL,
    deleted_status TEXT NOT NULL DEFAULT 'NORMAL',
    committed INTEGER NOT NULL,
    version INTEGER NOT NULL,
    node_id INTEGER,
    creator TEXT NOT NULL,
    editor TEXT NOT NULL,
    created INTEGER NOT NULL,
    edited INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS files_by_name ON files (workspace_id, name);
CREATE INDEX IF NOT EXISTS files_by_node ON files (node_id);
CREATE TABLE IF NOT EXISTS file_versions (
    file_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    settings TEXT NOT NULL,
    status TEXT NOT NULL,
    change_type TEXT NOT NULL,
    comment TEXT NOT NULL,
    committer TEXT NOT NULL,
    committed INTEGER NOT NULL,
    in_production INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (file_id, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deployments (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    file_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    from_environment INTEGER NOT NULL,
    to_environment INTEGER NOT NULL,
    status INTEGER NOT NULL,
    checking_status INTEGER,
    error_message TEXT,
    behaviour TEXT,                     -- the seeded behaviour that this deployment follows
    skip_checkers INTEGER NOT NULL,
    creator TEXT NOT NULL,
    created INTEGER NOT NULL,
    executed INTEGER
);
CREATE INDEX IF NOT EXISTS deployments_by_file ON deployments (file_id, status);

CREATE TABLE IF NOT EXISTS nodes (
    environment TEXT NOT NULL,
    id INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL,
    file_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    file_type INTEGER NOT NULL,
    folder TEXT NOT NULL,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    content TEXT NOT NULL,
    settings TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    PRIMARY KEY (environment, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nodes_by_file ON nodes (file_id, environment);
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    operation_id INTEGER NOT NULL,
    business_date INTEGER NOT NULL,
    parallel_dates INTEGER NOT NULL DEFAULT 1,      -- of a backfill: how many business dates run at once
    future_at_once INTEGER NOT NULL DEFAULT 0,      -- of a backfill: whether times to come are not awaited
    newest_first INTEGER NOT NULL DEFAULT 0,        -- of a backfill: whether it goes back in time
    creator TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_by_operation ON runs (operation_id);
CREATE TABLE IF NOT EXISTS instances (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    node_id INTEGER NOT NULL,
    node_name TEXT NOT NULL,
    owner TEXT NOT NULL,
    program_type TEXT NOT NULL,
    business_flow_id INTEGER,
    connection TEXT,
    rerun_mode TEXT NOT NULL,
    status TEXT NOT NULL,
    task_type TEXT NOT NULL,
    dag_type TEXT NOT NULL,
    business_date INTEGER NOT NULL,
    schedule_time INTEGER NOT NULL,
    period INTEGER NOT NULL,
    parameters TEXT NOT NULL,           -- scheduling parameters as declared
    reruns_left INTEGER,                -- the vendor's TaskRerunTime
    rerun_interval INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    open INTEGER NOT NULL DEFAULT 1,    -- 0 once nothing more will happen
    held INTEGER NOT NULL DEFAULT 0,    -- 1 while its business date waits for an earlier one of the backfill
    creator TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    wait_time_began INTEGER,
    wait_resource_began INTEGER,
    running_began INTEGER,
    finished INTEGER
);
-- The id ends every index by itself; ids ascend with the time of creation, so newest first is id descending.
CREATE INDEX IF NOT EXISTS instances_by_run ON instances (run_id);
CREATE INDEX IF NOT EXISTS instances_by_workspace ON instances (workspace_id, environment);
CREATE INDEX IF NOT EXISTS instances_by_date ON instances (workspace_id, environment, business_date);
CREATE INDEX IF NOT EXISTS instances_by_node ON instances (node_id, environment, business_date);
CREATE INDEX IF NOT EXISTS instances_by_status ON instances (workspace_id, environment, status);
CREATE TABLE IF NOT EXISTS attempts (
    instance_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    log TEXT NOT NULL,                  -- [time, level, text] lines, the future ones included
    PRIMARY KEY (instance_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    instance_id INTEGER NOT NULL,
    number INTEGER NOT NULL,            -- the attempt that ended
    snapshot TEXT NOT NULL,             -- the row of the instance at that moment
    PRIMARY KEY (instance_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS partitions (
    table_name TEXT NOT NULL,
    partition TEXT NOT NULL,            -- empty for a table without partitions
    instance_id INTEGER NOT NULL,       -- of a run of PAIFlow alone, minus its number
    attempt INTEGER NOT NULL,
    environment TEXT NOT NULL,
    written INTEGER NOT NULL,           -- may lie in the future of a running instance
    PRIMARY KEY (table_name, partition, instance_id, attempt)
) WITHOUT ROWID;
-- Runs of PAIFlow: of its own callers, of PaiStudio's jobs, and of instances. What happens is planned at the start.
CREATE TABLE IF NOT EXISTS flow_runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    root TEXT NOT NULL,                 -- id of the node that holds the steps
    workspace_id INTEGER NOT NULL,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    seed_name TEXT NOT NULL,            -- what behaviours of the seed call it
    environment TEXT NOT NULL,
    project TEXT NOT NULL,
    manifest TEXT NOT NULL,
    arguments TEXT NOT NULL,
    variables TEXT NOT NULL,            -- JSON: of the pipeline, where the manifest still refers to them
    instance_id INTEGER,
    pipeline_id TEXT,
    source_type TEXT NOT NULL,
    source_id TEXT,
    options TEXT,
    accessibility TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    started INTEGER,
    finish INTEGER,                     -- when it ends by itself, also in the future; NULL for never
    stop INTEGER,                       -- when it ends because somebody asked for it
    succeeded INTEGER,
    message TEXT,
    steps TEXT NOT NULL DEFAULT '[]',   -- JSON: the plan of each
    lines TEXT NOT NULL DEFAULT '[]',   -- [time, level, text, step] lines, the future ones included
    deleted INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS flow_runs_by_workspace ON flow_runs (workspace_id);
CREATE TABLE IF NOT EXISTS flow_pipelines (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workspace_id INTEGER NOT NULL,
    account TEXT NOT NULL,
    identifier TEXT NOT NULL,
    provider TEXT NOT NULL,
    version TEXT NOT NULL,
    uuid TEXT NOT NULL,
    manifest TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    UNIQUE (identifier, provider, version)
);
-- PaiStudio. The root folder of a workspace has no row.
CREATE TABLE IF NOT EXISTS draft_folders (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workspace_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    parent TEXT NOT NULL,
    source TEXT NOT NULL,
    accessibility TEXT NOT NULL,
    creator TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS drafts (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workspace_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    folder TEXT NOT NULL,
    content TEXT NOT NULL,
    variables TEXT NOT NULL DEFAULT '{}', -- JSON: where a draft keeps them is not documented
    version INTEGER NOT NULL DEFAULT 1,
    source TEXT NOT NULL,
    options TEXT,
    accessibility TEXT NOT NULL,
    creator TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS templates (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,                 -- preset, custom
    workspace_id INTEGER,               -- NULL for all
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    content TEXT NOT NULL,
    variables TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS draft_jobs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    draft TEXT NOT NULL,
    workspace_id INTEGER NOT NULL,
    execute_type TEXT NOT NULL,
    node_id TEXT NOT NULL,
    run TEXT NOT NULL,
    creator TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS draft_jobs_by_draft ON draft_jobs (draft);
CREATE TABLE IF NOT EXISTS events (
    due INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject INTEGER NOT NULL,
    PRIMARY KEY (due, kind, subject)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS events_by_subject ON events (kind, subject);

CREATE TABLE IF NOT EXISTS late_calls (
    id INTEGER PRIMARY KEY,
    operation TEXT NOT NULL,
    caller TEXT NOT NULL,
    arguments TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS behaviours (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,                 -- step, deployment, fault
    rule TEXT NOT NULL,
    used INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nonces_by_age ON nonces (seen);
CREATE TABLE IF NOT EXISTS counters (
    minute INTEGER NOT NULL,            -- real minutes since the epoch
    operation TEXT NOT NULL,
    access_key_id TEXT NOT NULL,
    outcome TEXT NOT NULL,              -- ok, or the error code
    calls INTEGER NOT NULL,
    PRIMARY KEY (minute, operation, access_key_id, outcome)
) WITHOUT ROWID;

-- The new Data Studio. A node is a row of files as well, with an id of its own kind; here is what only it has.
CREATE TABLE IF NOT EXISTS flow_specs (
    file_id INTEGER PRIMARY KEY,
    scene TEXT NOT NULL,
    version TEXT NOT NULL,              -- of the format
    node TEXT NOT NULL,                 -- JSON, as GetNode shows it
    depends TEXT NOT NULL               -- JSON
);
CREATE TABLE IF NOT EXISTS pipeline_runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workspace_id INTEGER NOT NULL,
    file_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    type TEXT NOT NULL,                 -- Online, Offline
    until INTEGER NOT NULL,             -- the step through which it goes on by itself
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    message TEXT,
    spec TEXT NOT NULL,
    creator TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS pipeline_runs_by_file ON pipeline_runs (file_id);
CREATE TABLE IF NOT EXISTS pipeline_stages (
    run INTEGER NOT NULL,
    step INTEGER NOT NULL,
    code TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    message TEXT,
    failure TEXT,                       -- how it is going to fail, by the seed
    PRIMARY KEY (run, step)
) WITHOUT ROWID;
-- Calls of CreateWorkflowInstances.
CREATE TABLE IF NOT EXISTS creations (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workspace_id INTEGER NOT NULL,
    status TEXT NOT NULL,
    message TEXT,
    request TEXT NOT NULL,              -- JSON
    account TEXT NOT NULL,
    runs TEXT NOT NULL DEFAULT '[]'     -- JSON: ids of the runs that it made
);

CREATE TABLE IF NOT EXISTS roles (
    arn TEXT PRIMARY KEY,
    trusts TEXT NOT NULL,               -- list of accounts
    oidc_provider TEXT,
    oidc_token TEXT,
    workspaces TEXT,                    -- list of workspace ids, NULL for all
    session_seconds INTEGER
) WITHOUT ROWID;
-- Of every temporary key in access_keys that STS gave out.
CREATE TABLE IF NOT EXISTS sessions (
    access_key_id TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    expires INTEGER NOT NULL            -- real seconds since the epoch
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quota_use (
    account TEXT NOT NULL,
    quota TEXT NOT NULL,
    period INTEGER NOT NULL,            -- number of the second or the day
    calls INTEGER NOT NULL,
    PRIMARY KEY (account, quota)
) WITHOUT ROWID;
