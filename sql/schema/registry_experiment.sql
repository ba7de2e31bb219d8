-- Which experiments the registry asks for now.
create table registry_experiment (
    model_id varchar not null,
    experiment_id varchar not null,
    identity varchar
);

comment on table registry_experiment is 'One row per (model_id, experiment_id): a model and an experiment that the cards pair';
comment on column registry_experiment.model_id is 'Card of the model [id]';
comment on column registry_experiment.experiment_id is 'Card of the experiment [id]';
comment on column registry_experiment.identity is 'Hash of card, prompts, model, dictionary and code as they are now, to be compared with experiment.identity_sha256; null where the dictionary is not made yet, or a card cannot be read [sha256]';
