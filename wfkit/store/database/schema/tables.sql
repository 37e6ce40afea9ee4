-- The projection of the journals. Append-only: no keys, no indexes, no updates, and no DDL after creation.
-- Every row is made from one journal entry alone (`journal_id`, `seq`), so folding in any order gives the same tables.
-- Times are TIMESTAMP in UTC, durations seconds, money US dollars, digests 32 hex characters, unknown is NULL.
-- A task is a number within its run; the `*_latest` views give it its node and item.

CREATE TABLE store_format (version INTEGER);

-- What has been folded of each journal, up to this byte. Appended in the transaction that appends the rows.
CREATE TABLE folded (journal_id VARCHAR, "offset" BIGINT);

-- One row when a run starts, is adopted (`owner`) and ends.
CREATE TABLE runs (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, status VARCHAR, "at" TIMESTAMP,
    workflow VARCHAR, targets VARCHAR[], graph VARCHAR, seed BIGINT, trigger VARCHAR, params JSON, notebook VARCHAR,
    owner VARCHAR, estimate JSON, idle_s DOUBLE
);

-- The nodes of a run by position; `deps` and `over` (the node that is mapped) are positions.
CREATE TABLE nodes (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, node INTEGER, name VARCHAR, kind VARCHAR,
    deps INTEGER[], over INTEGER, definition VARCHAR, model VARCHAR, pool VARCHAR, priority INTEGER,
    timeout_s DOUBLE, retries INTEGER, on_error VARCHAR
);

-- One row when the keys of a node's tasks are known (`state` resolved), cannot be made (failed), or the node is skipped
-- (`because` of a node). Of a sampled map `sample_of` says how many items there are, `sample_seed` what picked some.
CREATE TABLE resolutions (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, "at" TIMESTAMP, node INTEGER, state VARCHAR,
    tasks INTEGER, saved_usd DECIMAL(18, 9), saved_s DOUBLE, from_run VARCHAR, because INTEGER,
    error VARCHAR, message VARCHAR, sample_of INTEGER, sample_seed BIGINT
);

-- The tasks of a resolved node: cached with the digest of its value, or queued.
CREATE TABLE tasks (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, "at" TIMESTAMP, node INTEGER, item INTEGER,
    state VARCHAR, reason VARCHAR, key VARCHAR, digest VARCHAR
);

-- Items of a map of which there is more to tell: `position` among all if it is a sample, `label` and `digest` if a key
-- column names them, `made_by`, the older definition whose result stands in.
CREATE TABLE map_items (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, node INTEGER, item INTEGER, position INTEGER,
    label VARCHAR, digest VARCHAR, made_by VARCHAR
);

-- What became of attempts: each row speaks of `tasks` tasks, from number `task` on.
CREATE TABLE attempts (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, "at" TIMESTAMP, task INTEGER, tasks INTEGER,
    attempt INTEGER, state VARCHAR, error_kind VARCHAR, error VARCHAR, message VARCHAR, failure JSON,
    retry_at TIMESTAMP, outputs JSON
);

-- One row before a request is sent (`state` started, `worst_usd` is what it may cost at most) and one when it ended;
-- `record` has request, reply and failure. `unanswered`: no answer came, but it may have been billed. A request for many
-- vectors has a row for each text, numbered by `part`; what it used and cost stands in the first.
-- `escaped`: strings with lone surrogates, which are no UTF-8, are written as SUB and four hex digits.
CREATE TABLE calls (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, "at" TIMESTAMP, task INTEGER, attempt INTEGER,
    call_id VARCHAR, state VARCHAR, request_digest VARCHAR, provider VARCHAR, request_model VARCHAR,
    response_model VARCHAR, started_at TIMESTAMP, ended_at TIMESTAMP, verdict VARCHAR, round INTEGER, served BOOLEAN,
    input_tokens BIGINT, output_tokens BIGINT, cache_read_input_tokens BIGINT, cache_write_input_tokens BIGINT,
    reasoning_output_tokens BIGINT, usage_source VARCHAR, cost_usd DECIMAL(18, 9), input_cost_usd DECIMAL(18, 9),
    output_cost_usd DECIMAL(18, 9), cost_source VARCHAR, finish_reason VARCHAR, error_kind VARCHAR, error VARCHAR,
    message VARCHAR, record JSON, worst_usd DECIMAL(18, 9), unanswered BOOLEAN, part INTEGER, escaped BOOLEAN
);

-- What guards decided about the calls of an attempt, where that changed what happened: `act` is waited (for `waited_s`
-- seconds), refused, opened, probed, closed, shrunk or grown; `about` is the model, provider or purse.
CREATE TABLE decisions (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, "at" TIMESTAMP, task INTEGER, attempt INTEGER,
    guard VARCHAR, about VARCHAR, act VARCHAR, reason VARCHAR, waited_s DOUBLE, escaped BOOLEAN
);

-- One row before a tool is called (`state` started) and one when it came back; `turn` is the digest of the conversation
-- that ends with the model's wish, `place` the number of the call in that, `result` what the model was told.
CREATE TABLE tools (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, "at" TIMESTAMP, task INTEGER, attempt INTEGER,
    state VARCHAR, turn VARCHAR, place INTEGER, tool VARCHAR, arguments VARCHAR, result VARCHAR, error VARCHAR,
    run_s DOUBLE, problem VARCHAR, reads JSON, idempotency_key VARCHAR, served BOOLEAN, escaped BOOLEAN
);

-- Values and their story: `inputs` are [name, digest], `reads` [kind, name, digest], `outputs` [stream, mime, data];
-- `spent` is given where models were called.
CREATE TABLE results (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, task INTEGER, attempt INTEGER, key VARCHAR,
    node VARCHAR, definition VARCHAR, digest VARCHAR, codec VARCHAR, payload VARCHAR, size BIGINT, inline VARCHAR,
    inputs JSON, reads JSON, preview VARCHAR, outputs JSON, run_s DOUBLE, cost_usd DECIMAL(18, 9), spent JSON,
    cacheable BOOLEAN, created_at TIMESTAMP, escaped BOOLEAN
);

-- The texts of definitions; `parts` are [path, digest, text] of everything that one reaches.
CREATE TABLE definitions (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, "at" TIMESTAMP, node VARCHAR, definition VARCHAR,
    kind VARCHAR, source VARCHAR, options VARCHAR, parts JSON
);

-- Results that are no longer served: those of this key made until then.
CREATE TABLE forgotten (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, "at" TIMESTAMP, node VARCHAR, key VARCHAR
);

-- Tasks that ended without a result that serves (`of_run`: where), with the reason that their next run has.
CREATE TABLE not_kept (
    journal_id VARCHAR, run_id VARCHAR, epoch INTEGER, seq BIGINT, "at" TIMESTAMP, node VARCHAR, definition VARCHAR,
    key VARCHAR, reason VARCHAR, message VARCHAR, of_run VARCHAR, escaped BOOLEAN
);
