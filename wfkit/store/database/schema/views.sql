-- What users ask. Views only read; the tables below them are append-only.
-- The order of a run's rows is (epoch, seq); `place` is that as one number.

CREATE VIEW edges AS
SELECT u.run_id, d.name AS source, u.name AS target, coalesce(d.node = u.over, false) AS mapped
FROM (SELECT *, unnest(deps) AS dep FROM nodes) u JOIN nodes d ON d.run_id = u.run_id AND d.node = u.dep;

CREATE VIEW runs_latest AS
SELECT
    run_id, max(workflow) AS workflow, arg_max(status, epoch::BIGINT << 40 | seq) AS status,
    min("at") FILTER (workflow IS NOT NULL) AS started_at,
    arg_max(CASE WHEN status <> 'running' THEN struct_pack(t := "at") ELSE struct_pack(t := NULL::TIMESTAMP) END,
        epoch::BIGINT << 40 | seq).t AS ended_at,
    max(epoch) AS epoch, max(trigger) AS trigger, max(notebook) AS notebook, max(params::VARCHAR) AS params,
    max(targets) AS targets, max(graph) AS graph, max(estimate::VARCHAR) AS estimate,
    coalesce(sum(idle_s), 0)::DOUBLE AS paused_s
FROM runs GROUP BY run_id HAVING max(workflow) IS NOT NULL;

-- Which numbers the tasks of a node have: they are given out in the order in which nodes are resolved.
CREATE VIEW task_ranges AS
SELECT
    run_id, node, "at", tasks,
    (coalesce(sum(tasks) OVER (PARTITION BY run_id ORDER BY epoch, seq
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))::INTEGER AS first
FROM resolutions WHERE state = 'resolved' AND tasks > 0;

-- The first end of an attempt counts: a body abandoned at its deadline may still come back later.
CREATE VIEW attempt_ends AS
SELECT
    run_id, task, attempt, min("at") FILTER (state = 'running') AS started_at,
    min("at") FILTER (state <> 'running') AS ended_at,
    arg_min(state, place) FILTER (state <> 'running') AS state,
    arg_min(error, place) FILTER (error IS NOT NULL) AS error,
    arg_min(error_kind, place) FILTER (error_kind IS NOT NULL) AS error_kind,
    arg_min(message, place) FILTER (message IS NOT NULL) AS message,
    min(retry_at) AS retry_at, max(place) >> 40 AS epoch
FROM (
    SELECT *, epoch::BIGINT << 40 | seq AS place, unnest(range(task, task + tasks)) AS one FROM attempts
) AS spread(journal_id, run_id, epoch_, seq, "at", task_, tasks, attempt, state, error_kind, error, message, failure,
    retry_at, outputs, place, task)
GROUP BY run_id, task, attempt;

CREATE VIEW tasks_latest AS
SELECT
    t.run_id, n.name AS node, CASE WHEN n.over IS NOT NULL THEN t.item END AS item, r.first + t.item AS task,
    CASE
        -- a map that stopped at its first failure has not begun these
        WHEN a.task IS NULL AND t.state = 'queued' AND n.over IS NOT NULL
            AND l.status IN ('failed', 'partial', 'success', 'budget_stopped') THEN 'cancelled'
        WHEN a.task IS NULL THEN t.state
        WHEN a.state IS NULL AND a.epoch < l.epoch THEN 'queued'
        WHEN a.state IS NULL AND l.status NOT IN ('running', 'waiting_review') THEN 'cancelled'
        WHEN a.state IS NULL THEN 'running'
        WHEN a.state = 'failed' AND a.retry_at IS NOT NULL THEN 'retrying'
        ELSE a.state
    END AS state,
    t.reason, coalesce(a.attempt, 0) AS attempts, t.key,
    CASE WHEN t.state = 'cached' THEN t.digest WHEN a.state = 'success' THEN v.digest END AS digest,
    i.label, CASE WHEN t.state = 'cached' OR a.state = 'success' THEN coalesce(i.made_by, n.definition) END AS definition,
    t."at" AS queued_at, a.started_at, a.ended_at, a.error, a.error_kind, a.message
FROM tasks t
JOIN nodes n ON n.run_id = t.run_id AND n.node = t.node
JOIN task_ranges r ON r.run_id = t.run_id AND r.node = t.node
JOIN runs_latest l ON l.run_id = t.run_id
LEFT JOIN map_items i ON i.run_id = t.run_id AND i.node = t.node AND i.item = t.item
LEFT JOIN (
    SELECT * FROM attempt_ends QUALIFY attempt = max(attempt) OVER (PARTITION BY run_id, task)
) a ON a.run_id = t.run_id AND a.task = r.first + t.item
LEFT JOIN (
    SELECT run_id, task, attempt, min(digest) AS digest FROM results GROUP BY run_id, task, attempt
) v ON v.run_id = a.run_id AND v.task = a.task AND v.attempt = a.attempt;

CREATE VIEW attempts_latest AS
SELECT
    a.run_id, n.name AS node, CASE WHEN n.over IS NOT NULL THEN a.task - r.first END AS item, a.task, a.attempt,
    CASE
        WHEN a.state IS NOT NULL THEN a.state
        WHEN a.epoch < l.epoch OR l.status NOT IN ('running', 'waiting_review') THEN 'cancelled'
        ELSE 'running'
    END AS state,
    coalesce(lag(a.retry_at) OVER (PARTITION BY a.run_id, a.task ORDER BY a.attempt), r."at") AS queued_at,
    a.started_at, a.ended_at, a.error, a.error_kind, a.message
FROM attempt_ends a
ASOF JOIN task_ranges r ON r.run_id = a.run_id AND a.task >= r.first
JOIN nodes n ON n.run_id = r.run_id AND n.node = r.node
JOIN runs_latest l ON l.run_id = a.run_id;

-- One row a call: ended, under way (`state` started), or lost: whoever sent it is gone (of a plain cell: for an hour
-- nobody has told how it ended). As in the books of a run, one
-- that failed without a reply used and cost nothing, unless it may have been billed all the same (`unanswered`, at most
-- `worst_usd`): of that nobody knows. `billed_usd` is what it added to the bill (nothing if the call log served it: then
-- `saved_usd` is what it had cost), `wasted_usd` what of that bought nothing: a reply that cannot be used, an attempt that
-- failed, an answer for which null stands. A call of a cell that is no node is of no run (the empty id), and no node.
CREATE VIEW calls_latest AS
SELECT
    c.run_id, n.name AS node, CASE WHEN n.over IS NOT NULL THEN c.task - r.first END AS item, c.task, c.attempt,
    c.call_id, CASE WHEN c.lost THEN 'lost' ELSE c.state END AS state, c.request_digest,
    coalesce(c.provider, split_part(c.request_model, '/', 1)) AS provider, c.request_model, c.response_model,
    c.started_at, c.ended_at,
    date_diff('microsecond', c.started_at, c.ended_at) / 1e6 AS run_s,
    CASE WHEN c.response_model IS NOT NULL THEN c.verdict END AS verdict, c.round, c.served,
    CASE WHEN c.refused THEN 0 ELSE c.input_tokens END AS input_tokens,
    CASE WHEN c.refused THEN 0 ELSE c.output_tokens END AS output_tokens,
    c.cache_read_input_tokens, c.cache_write_input_tokens, c.reasoning_output_tokens, c.usage_source,
    CASE WHEN c.refused THEN 0 ELSE c.cost_usd END::DECIMAL(18, 9) AS cost_usd, c.cost_source,
    CASE WHEN c.served OR c.refused THEN 0 ELSE c.cost_usd END::DECIMAL(18, 9) AS billed_usd,
    CASE
        WHEN c.served OR c.refused THEN 0
        WHEN f.task IS NOT NULL OR c.response_model IS NOT NULL AND c.verdict <> 'valid' THEN c.cost_usd
        ELSE 0
    END::DECIMAL(18, 9) AS wasted_usd,
    CASE WHEN c.served AND c.response_model IS NOT NULL THEN c.cost_usd ELSE 0 END::DECIMAL(18, 9) AS saved_usd,
    NOT c.served AND (c.lost OR c.state = 'ended' AND c.unanswered) AS unanswered, c.worst_usd,
    c.finish_reason, c.error_kind, c.error, c.message, c.epoch, c.seq, c.journal_id
FROM (
    SELECT
        c.*, c.state = 'ended' AND response_model IS NULL AND NOT coalesce(unanswered, false) AS refused,
        c.state = 'started' AND CASE
            WHEN c.run_id = '' THEN c.started_at < make_timestamp(epoch_us(now())) - INTERVAL 1 HOUR
            ELSE coalesce(c.epoch < l.epoch OR l.status NOT IN ('running', 'waiting_review'), false)
        END AS lost
    FROM calls c LEFT JOIN runs_latest l ON l.run_id = c.run_id
    WHERE coalesce(c.part, 0) = 0
) c
ASOF LEFT JOIN task_ranges r ON r.run_id = c.run_id AND c.task >= r.first
LEFT JOIN nodes n ON n.run_id = r.run_id AND n.node = r.node
LEFT JOIN (
    SELECT DISTINCT run_id, task, attempt FROM attempts WHERE state = 'failed' OR error_kind IS NOT NULL
) f
    ON f.run_id = c.run_id AND f.task = c.task AND f.attempt = c.attempt
WHERE c.state = 'ended' OR NOT EXISTS (
    FROM calls d WHERE d.run_id = c.run_id AND d.call_id = c.call_id AND d.state = 'ended'
);

-- Requests that got no reply but may be on the provider's bill: what each may cost at most, where that is known.
CREATE VIEW possibly_billed AS
SELECT
    run_id, node, item, attempt, request_model AS model, started_at, ended_at, worst_usd,
    CASE WHEN state = 'lost' THEN 'its process ended first' ELSE coalesce(error || ': ', '') || message END AS why,
    call_id, request_digest
FROM calls_latest WHERE unanswered;

-- What guards decided, by node and item.
CREATE VIEW guard_decisions AS
SELECT
    d.run_id, d."at", n.name AS node, CASE WHEN n.over IS NOT NULL THEN d.task - r.first END AS item, d.task, d.attempt,
    d.guard, d.about, d.act, d.reason, d.waited_s, d.epoch, d.seq
FROM decisions d
ASOF JOIN task_ranges r ON r.run_id = d.run_id AND d.task >= r.first
JOIN nodes n ON n.run_id = r.run_id AND n.node = r.node;

-- One row a call of a tool: ended, or started and never seen again. `served`: the result was there already, from before a
-- crash or a retry.
CREATE VIEW tool_calls AS
SELECT
    c.run_id, n.name AS node, CASE WHEN n.over IS NOT NULL THEN c.task - r.first END AS item, c.task, c.attempt,
    c.turn, c.place, c.tool, c.state, c.arguments, c.result, c.error, coalesce(s.started_at, c."at") AS started_at,
    CASE WHEN c.state = 'ended' THEN c."at" END AS ended_at, c.run_s, c.served, s.idempotency_key, c.problem, c.reads,
    c.epoch, c.seq
FROM tools c
ASOF JOIN task_ranges r ON r.run_id = c.run_id AND c.task >= r.first
JOIN nodes n ON n.run_id = r.run_id AND n.node = r.node
LEFT JOIN (
    SELECT run_id, task, attempt, epoch, turn, place, max("at") AS started_at, max(idempotency_key) AS idempotency_key
    FROM tools WHERE state = 'started' GROUP BY ALL
) s ON s.run_id = c.run_id AND s.task = c.task AND s.attempt = c.attempt AND s.epoch = c.epoch AND s.turn = c.turn
    AND s.place = c.place
WHERE c.state = 'ended' OR NOT EXISTS (
    FROM tools d WHERE d.run_id = c.run_id AND d.task = c.task AND d.attempt = c.attempt AND d.epoch = c.epoch
        AND d.turn = c.turn AND d.place = c.place AND d.state = 'ended'
);

-- The newest value under each key that is still served.
CREATE VIEW results_latest AS
SELECT * FROM results r
WHERE cacheable AND NOT EXISTS (FROM forgotten f WHERE f.key = r.key AND f."at" >= r.created_at)
QUALIFY row_number() OVER (PARTITION BY key ORDER BY created_at DESC, epoch DESC, seq DESC) = 1;

CREATE VIEW definitions_latest AS
SELECT * FROM definitions
QUALIFY row_number() OVER (PARTITION BY node, definition ORDER BY "at" DESC, journal_id, seq DESC) = 1;

-- What each value was made of, by digest.
CREATE VIEW lineage AS
SELECT journal_id, seq, run_id, node, task, digest, pair[1] AS input, pair[2] AS input_digest
FROM (SELECT *, unnest(from_json(inputs, '[["VARCHAR"]]')) AS pair FROM results);

-- Stored values: in the row (`stored` inline) or as an object named by `payload`.
CREATE VIEW artifacts AS
SELECT
    digest, any_value(node) AS node, any_value(codec) AS codec, any_value(payload) AS payload, max(size) AS size,
    CASE WHEN bool_or(inline IS NOT NULL) THEN 'inline' ELSE 'object' END AS stored,
    any_value(preview) AS preview, min(created_at) AS created_at, count(*) AS results
FROM results GROUP BY digest;

-- Everything that happened, in one line each.
CREATE VIEW events AS
SELECT journal_id, run_id, epoch, seq, "at", 'run_' || status AS event, workflow AS subject, NULL::BIGINT AS tasks,
    owner AS detail FROM runs
UNION ALL BY NAME
SELECT journal_id, run_id, epoch, seq, "at", 'node_' || state AS event, node::VARCHAR AS subject, tasks,
    from_run AS detail FROM resolutions
UNION ALL BY NAME
SELECT journal_id, run_id, epoch, seq, "at", 'attempt_' || state AS event, task::VARCHAR AS subject, tasks,
    message AS detail FROM attempts
UNION ALL BY NAME
SELECT journal_id, run_id, epoch, seq, "at", 'call_' || state AS event, task::VARCHAR AS subject,
    call_id || coalesce(' ' || message, '') AS detail FROM calls
UNION ALL BY NAME
SELECT journal_id, run_id, epoch, seq, "at", 'guard_' || act AS event, about AS subject,
    guard || ': ' || reason || coalesce(' (' || round(waited_s, 1) || ' s)', '') AS detail FROM decisions
UNION ALL BY NAME
SELECT journal_id, run_id, epoch, seq, "at", 'tool_' || state AS event, task::VARCHAR AS subject,
    tool || coalesce(' ' || error, '') AS detail FROM tools
UNION ALL BY NAME
SELECT journal_id, run_id, epoch, seq, "at", 'node_defined' AS event, node AS subject, definition AS detail
FROM definitions
UNION ALL BY NAME
SELECT journal_id, run_id, epoch, seq, "at", 'forgotten' AS event, node AS subject, key AS detail FROM forgotten;

-- Money and tokens by run, node and model. What the call log served is counted and costs nothing; `saved_usd` is what it
-- had cost. What cached results save stands in `resolutions`.
CREATE VIEW costs AS
SELECT
    run_id, node, coalesce(response_model, request_model) AS model, count(*) FILTER (NOT served) AS calls,
    count(*) FILTER (served) AS served, sum(input_tokens) FILTER (NOT served) AS input_tokens,
    sum(output_tokens) FILTER (NOT served) AS output_tokens, sum(billed_usd) AS cost_usd,
    count(*) FILTER (billed_usd IS NULL) AS unpriced, sum(wasted_usd) AS wasted_usd,
    CASE WHEN count(*) = count(saved_usd) THEN sum(saved_usd) END AS saved_usd,
    count(*) FILTER (unanswered) AS unanswered, sum(worst_usd) FILTER (unanswered) AS unanswered_usd
FROM calls_latest WHERE state <> 'started' GROUP BY ALL;

-- When each node of a run worked: `run_s` from its first start to its last end without the time in which the run was
-- interrupted (`paused_s`), `work_s` the seconds of all its tasks together, many of which may have worked at once.
CREATE VIEW node_times AS
SELECT
    t.run_id, t.node, t.started_at, t.ended_at, t.paused_s, coalesce(w.work_s, 0) AS work_s,
    greatest(0, epoch(t.ended_at - t.started_at) - t.paused_s) AS run_s
FROM (
    SELECT
        a.run_id, a.node, a.started_at, a.ended_at,
        coalesce(sum(p.idle_s) FILTER (p."at" > a.started_at AND (a.ended_at IS NULL OR p."at" < a.ended_at)), 0)::DOUBLE
            AS paused_s
    FROM (
        SELECT run_id, node, min(started_at) AS started_at, max(ended_at) AS ended_at FROM attempts_latest GROUP BY ALL
    ) a
    LEFT JOIN (FROM runs WHERE idle_s > 0) p ON p.run_id = a.run_id
    GROUP BY ALL
) t
LEFT JOIN (SELECT run_id, node, sum(run_s) AS work_s FROM results GROUP BY ALL) w
    ON w.run_id = t.run_id AND w.node = t.node;

-- How often each node ran, how long it took, what it cost, over all runs.
CREATE VIEW node_stats AS
SELECT
    t.node, count(DISTINCT t.run_id) AS runs, count(*) AS tasks, count(*) FILTER (t.state = 'cached') AS cached,
    count(*) FILTER (t.state = 'failed') AS failed, sum(t.attempts) AS attempts,
    median(epoch(t.ended_at - t.started_at)) AS median_s,
    quantile_cont(epoch(t.ended_at - t.started_at), 0.95) AS p95_s, any_value(c.cost_usd) AS cost_usd
FROM tasks_latest t LEFT JOIN (SELECT node, sum(cost_usd) AS cost_usd FROM costs GROUP BY node) c ON c.node = t.node
GROUP BY t.node;

-- Replies that may serve again, by name: the digest of their request, and of an invalid reply what `rejected` makes of it.
CREATE VIEW replies AS
SELECT
    rowid AS place, CASE verdict WHEN 'valid' THEN request_digest ELSE 'x' || substr(request_digest, 2) END AS name,
    record, escaped, ended_at, epoch, seq
FROM calls WHERE state = 'ended' AND NOT served AND verdict IN ('valid', 'invalid') AND error_kind IS NULL;
