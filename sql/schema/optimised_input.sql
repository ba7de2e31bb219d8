-- Texts that were made to excite a feature, and the shortest on which it still fires.
create table optimised_input (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    method varchar not null,
    rank integer not null,
    penalty double,
    text varchar not null,
    tokens varchar[] not null,
    token_ids integer[] not null,
    target double not null,
    activation double not null,
    ratio_to_corpus double not null,
    surprise double,
    n_forward bigint not null,
    prompt_id integer,
    n_before integer,
    check (method in ('evolution', 'coordinate', 'shorten')),
    check (feature_id >= 0),
    check (rank >= 0),
    check (penalty >= 0),
    check (activation >= 0),
    check (n_forward >= 0)
);

comment on table optimised_input is 'One row per (model_id, experiment_id, recipe_id, feature_id, method, rank): a text. Refers to experiment (model_id, experiment_id). Refers to feature (model_id, recipe_id, feature_id)';
comment on column optimised_input.model_id is 'Card of the model [id]';
comment on column optimised_input.experiment_id is 'Card of the experiment [id]';
comment on column optimised_input.recipe_id is 'Recipe of the dictionary [id]';
comment on column optimised_input.feature_id is 'Latent of it, counted from 0 [index]';
comment on column optimised_input.method is 'evolution along the gradient, coordinate: every token in turn, or shorten: tokens of a text taken out [name]';
comment on column optimised_input.rank is 'Place among the texts of that method: one for each penalty [index]';
comment on column optimised_input.penalty is 'Price of a nat of surprise per token, in tenths of the feature''s largest activation on the corpus; null where nothing is paid [1/nat]';
comment on column optimised_input.text is 'The text, which is cut into these tokens again [text]';
comment on column optimised_input.tokens is 'Its tokens [text]';
comment on column optimised_input.token_ids is 'Their ids [token]';
comment on column optimised_input.target is 'Pre-activation of the feature at the last token [activation]';
comment on column optimised_input.activation is 'Its activation there, 0 where the dictionary chooses other features [activation]';
comment on column optimised_input.ratio_to_corpus is 'Pre-activation over the feature''s largest activation on the corpus: above 1 no text of it excites it so much [times]';
comment on column optimised_input.surprise is 'Mean over the tokens of what the model loses on each, given those before it; null where nothing stands before one token [nats per token]';
comment on column optimised_input.n_forward is 'Sequences that were read until it was found [sequences]';
comment on column optimised_input.prompt_id is 'Of a shortened text the row of the set that it is taken from [index]';
comment on column optimised_input.n_before is 'Of a shortened text the tokens that it had [tokens]';
