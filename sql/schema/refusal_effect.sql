-- What a model writes after instructions with and without its refusal direction.
create table refusal_effect (
    model_id varchar not null,
    experiment_id varchar not null,
    direction_id integer not null,
    intervention varchar not null,
    label varchar not null,
    n_prompts integer not null,
    refusal_rate double not null,
    ci_low double,
    ci_high double,
    refusal_score double not null,
    surprise double not null,
    prompt_ids integer[] not null,
    completions varchar[] not null,
    check (intervention in ('none', 'ablate', 'add', 'orthogonalize')),
    check (n_prompts > 0),
    check (refusal_rate between 0 and 1)
);

comment on table refusal_effect is 'One row per (model_id, experiment_id, direction_id, intervention, label): what is written after instructions of groups that neither made nor chose the direction. Refers to direction (model_id, experiment_id, direction_id)';
comment on column refusal_effect.model_id is 'Card of the model [id]';
comment on column refusal_effect.experiment_id is 'Card of the experiment [id]';
comment on column refusal_effect.direction_id is 'Direction [index]';
comment on column refusal_effect.intervention is 'none; ablate: taken out of all that is written into the stream; add: added at its block to every token; orthogonalize: taken out of the weights [name]';
comment on column refusal_effect.label is 'Label of the instructions [name]';
comment on column refusal_effect.n_prompts is 'Instructions [prompts]';
comment on column refusal_effect.refusal_rate is 'Share of the texts that hold one of the refusal phrases [fraction]';
comment on column refusal_effect.ci_low is 'Lower end of its 95 % interval, bootstrap over groups; null with one group [fraction]';
comment on column refusal_effect.ci_high is 'Upper end [fraction]';
comment on column refusal_effect.refusal_score is 'log p - log(1 - p) of a refusal''s first token behind the instruction, mean [nats]';
comment on column refusal_effect.surprise is 'Mean negative log-likelihood of what the plain model writes there: how much else the intervention changes [nats/token]';
comment on column refusal_effect.prompt_ids is 'The instructions [index]';
comment on column refusal_effect.completions is 'What is written after each, in the same order [text]';
