-- How good a dictionary's best labels are by each scorer, counted once at publication.
create table _sae_headline_score (
    model_id varchar not null,
    recipe_id varchar not null,
    scorer varchar not null,
    value double
);

comment on table _sae_headline_score is 'One row per (model_id, recipe_id, scorer): the headline score of a dictionary''s labels';
comment on column _sae_headline_score.model_id is 'Card of the model [id]';
comment on column _sae_headline_score.recipe_id is 'Card of the recipe [id]';
comment on column _sae_headline_score.scorer is 'Test that the labels were put to [text]';
comment on column _sae_headline_score.value is 'Its headline score, mean over features, of each the best label; null where every trial failed [1]';
