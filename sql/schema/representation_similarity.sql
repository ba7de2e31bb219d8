-- How alike the activations of two models are on the same texts.
create table representation_similarity (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    other_model_id varchar not null,
    measure varchar not null,
    value double not null,
    baseline double not null,
    n_places bigint not null,
    check (measure in ('cka', 'svcca', 'fvu')),
    check (n_places >= 0)
);

comment on table representation_similarity is 'One row per (model_id, experiment_id, other_model_id, measure): two models'' activations at a dictionary''s site. Refers to experiment (model_id, experiment_id)';
comment on column representation_similarity.model_id is 'Card of the model [id]';
comment on column representation_similarity.experiment_id is 'Card of the experiment [id]';
comment on column representation_similarity.recipe_id is 'Recipe whose site is read [id]';
comment on column representation_similarity.other_model_id is 'Card of the other model [id]';
comment on column representation_similarity.measure is 'cka: linear centred kernel alignment; svcca: mean canonical correlation of the directions that hold .99 of the variance; fvu: fraction of the other model''s variance that the first model''s dictionary leaves unexplained [name]';
comment on column representation_similarity.value is 'The measure [fraction]';
comment on column representation_similarity.baseline is 'Of cka and svcca the same with places shuffled, which few places raise; of fvu that of the first model, whose dictionary it is [fraction]';
comment on column representation_similarity.n_places is 'Places of text that were read [places]';
