"""The schema as one text, and the queries, in SQL that SQLite and PostgreSQL both take."""

from __future__ import annotations

SCHEMA_VERSION = 1

SCHEMA = """
create table if not exists triage_version (
    version integer not null              -- of this schema, a newer one is refused
);
create table if not exists runs (
    run integer primary key,              -- grows with each run recorded
    stamp text not null,                  -- of the run, UTC
    campaign text not null,               -- with the stamp, unique
    commit_id text,                       -- of the suite's repository, where there was one
    complete integer not null,            -- 1 where each planned test has a real outcome
    unique (campaign, stamp)
);
create table if not exists tests (
    test integer primary key,             -- stands for the node id
    nodeid text not null unique,          -- as pytest spells it
    seconds double precision              -- exponentially weighted duration
);
create table if not exists results (
    run integer not null references runs (run),
    test integer not null references tests (test),
    outcome text not null,                -- one of the nine outcomes
    seconds double precision,             -- of this run
    signature text,                       -- of the first failure
    primary key (test, run)
)
"""
"""Tables of version 1. History of the schema: 1 - the first."""

DROP_RUN = (
    "delete from results where run in (select run from runs where campaign = ? and stamp = ?)",
    "delete from runs where campaign = ? and stamp = ?",
)
ADD_RUN = (
    "insert into runs (run, stamp, campaign, commit_id, complete)"
    " values ((select coalesce(max(run), 0) + 1 from runs), ?, ?, ?, ?) returning run"
)
TESTS = "select nodeid, test, seconds from tests"
LAST_TEST = "select coalesce(max(test), 0) from tests"
ADD_TEST = "insert into tests (test, nodeid, seconds) values (?, ?, ?)"
SET_SECONDS = "update tests set seconds = ? where test = ?"
ADD_RESULT = "insert into results (run, test, outcome, seconds, signature) values (?, ?, ?, ?, ?)"
DURATIONS = "select nodeid, seconds from tests where seconds is not null"
HISTORY = (
    "select r.stamp, r.campaign, r.commit_id, x.outcome, x.seconds, x.signature"
    " from results x join runs r on r.run = x.run join tests t on t.test = x.test"
    " where t.nodeid = ? order by r.stamp desc, r.run desc limit ?"
)
VERSION = "select version from triage_version"
SET_VERSION = "insert into triage_version (version) values (?)"
