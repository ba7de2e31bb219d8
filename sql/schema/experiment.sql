-- One question about what a part of a model does, as it was asked and answered.
create table experiment (
    model_id varchar not null,
    experiment_id varchar not null,
    method varchar not null,
    question varchar not null,
    prompt_set_id varchar,
    recipe_ids varchar[] not null,
    settings json not null,
    seed bigint not null,
    prefix varchar[] not null,
    dtype varchar not null,
    identity_sha256 varchar not null,
    weights_sha256 varchar not null,
    n_prompts bigint not null,
    n_forward bigint not null,
    n_backward bigint not null,
    seconds double not null,
    created_at timestamp not null,
    check (n_prompts > 0),
    check (n_forward >= 0),
    check (n_backward >= 0),
    check (seconds >= 0)
);

comment on table experiment is 'One row per (model_id, experiment_id): one experiment card on one model';
comment on column experiment.model_id is 'Card of the model [id]';
comment on column experiment.experiment_id is 'Card of the experiment [id]';
comment on column experiment.method is 'What was done, such as activation_patching [text]';
comment on column experiment.question is 'What the method asks [text]';
comment on column experiment.prompt_set_id is 'Card of the prompts; null where the method asks about units alone [id]';
comment on column experiment.recipe_ids is 'Recipes whose dictionaries were read or edited; none where the method is about no features [id]';
comment on column experiment.settings is 'Settings of the method, defaults included [JSON]';
comment on column experiment.seed is 'Seed of everything that was drawn [index]';
comment on column experiment.prefix is 'Special tokens that stood before each text [text]';
comment on column experiment.dtype is 'What the model computed in [text]';
comment on column experiment.identity_sha256 is 'Hash of card, prompts, model, dictionary and code [sha256]';
comment on column experiment.weights_sha256 is 'Hash of the model''s weights [sha256]';
comment on column experiment.n_prompts is 'Prompts, or units and kinds of stimuli where there are none [prompts]';
comment on column experiment.n_forward is 'Forward passes, one a row of a batch [passes]';
comment on column experiment.n_backward is 'Backward passes, likewise [passes]';
comment on column experiment.seconds is 'Duration of the run that finished it; chunks of a killed run before it are not counted [seconds]';
comment on column experiment.created_at is 'When it was finished [UTC]';
