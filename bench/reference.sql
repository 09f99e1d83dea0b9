-- A small schema that does the same useful work without the portal's rules: no triggers, no state machine, no history,
-- narrow rows, one index per question asked. The bench's second denominator R runs on it.
CREATE SCHEMA ref;

CREATE TABLE ref.application (
    id bigint PRIMARY KEY,
    cycle_id bigint NOT NULL,
    applicant_id bigint NOT NULL,
    state text NOT NULL,
    email_domain text NOT NULL,
    country text NOT NULL,
    requested_cents bigint NOT NULL,
    email_key text NOT NULL,
    organization_id_text text NOT NULL
);
CREATE INDEX ON ref.application (cycle_id, state, id);
CREATE INDEX ON ref.application (email_key);
CREATE INDEX ON ref.application (organization_id_text);

CREATE TABLE ref.batchentry (
    application_id bigint PRIMARY KEY REFERENCES ref.application,
    batch_id bigint NOT NULL,
    position integer NOT NULL,
    UNIQUE (batch_id, position)
);

CREATE TABLE ref.reviewer (id bigint PRIMARY KEY, domain text NOT NULL);
CREATE TABLE ref.conflict (
    application_id bigint REFERENCES ref.application,
    user_id bigint REFERENCES ref.reviewer,
    PRIMARY KEY (application_id, user_id)
);
CREATE TABLE ref.assignment (
    application_id bigint NOT NULL REFERENCES ref.application,
    reviewer_id bigint NOT NULL REFERENCES ref.reviewer,
    state text NOT NULL,
    assigned_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (application_id, reviewer_id)
);
CREATE INDEX ON ref.assignment (reviewer_id, state);

CREATE TABLE ref.finding (
    application_id bigint NOT NULL REFERENCES ref.application,
    kind text NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (application_id, kind)
);
CREATE TABLE ref.sketch (
    application_id bigint PRIMARY KEY REFERENCES ref.application,
    signature bigint[] NOT NULL,
    bands bigint[] NOT NULL
);
CREATE INDEX ON ref.sketch USING gin (bands);

-- Release: decisions, letters, trail.
CREATE TABLE ref.decision (
    id bigint PRIMARY KEY,
    application_id bigint NOT NULL UNIQUE,
    kind text NOT NULL,
    state text NOT NULL,
    amount_cents bigint,
    grant_id bigint,
    released_at timestamptz
);
CREATE TABLE ref.letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    application_id bigint NOT NULL REFERENCES ref.application,
    details jsonb NOT NULL,
    next_attempt_at timestamptz NOT NULL
);
CREATE TABLE ref.event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    action text NOT NULL,
    subject_id bigint NOT NULL,
    details jsonb NOT NULL
);

-- Plain double entry: unique keys, foreign keys, balances kept on the row.
CREATE TABLE ref.grant_ (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference text NOT NULL UNIQUE,
    program text NOT NULL,
    holder_id bigint NOT NULL,
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    stage text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TABLE ref.account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    currency text NOT NULL,
    balance_cents bigint NOT NULL
) WITH (fillfactor = 70);
CREATE TABLE ref.transfer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    kind text NOT NULL,
    source_id bigint NOT NULL REFERENCES ref.account,
    destination_id bigint NOT NULL REFERENCES ref.account,
    amount_cents bigint NOT NULL,
    happened_at timestamptz NOT NULL
);
CREATE TABLE ref.entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transfer_id bigint NOT NULL REFERENCES ref.transfer,
    account_id bigint NOT NULL REFERENCES ref.account,
    amount_cents bigint NOT NULL,
    balance_after_cents bigint NOT NULL
);
CREATE INDEX ON ref.entry (account_id, id);

-- Pages: what the reference form writes.
CREATE TABLE ref.saved_form (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id bigint NOT NULL,
    answers jsonb NOT NULL,
    at timestamptz NOT NULL
);
