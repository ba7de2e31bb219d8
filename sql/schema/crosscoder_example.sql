-- Where each feature of a crosscoder is strongest.
create table crosscoder_example (
    model_id varchar not null,
    experiment_id varchar not null,
    latent_id integer not null,
    rank integer not null,
    prompt_id integer not null,
    position integer not null,
    token varchar not null,
    activation double not null,
    other_share double not null,
    check (latent_id >= 0),
    check (rank >= 0),
    check (position >= 0),
    check (activation > 0)
);

comment on table crosscoder_example is 'One row per (model_id, experiment_id, latent_id, rank): a token of a text. Refers to crosscoder (model_id, experiment_id). Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column crosscoder_example.model_id is 'Card of the model [id]';
comment on column crosscoder_example.experiment_id is 'Card of the experiment [id]';
comment on column crosscoder_example.latent_id is 'Feature of the crosscoder, counted from 0; none of a dictionary [index]';
comment on column crosscoder_example.rank is 'Place by activation, one token of a text at most [index]';
comment on column crosscoder_example.prompt_id is 'The text [index]';
comment on column crosscoder_example.position is 'Place of the token in it, special ones counted [index]';
comment on column crosscoder_example.token is 'The token [text]';
comment on column crosscoder_example.activation is 'Of the feature there [scaled activation]';
comment on column crosscoder_example.other_share is 'Share of the pre-activation, its bias apart, that the second side brings [fraction]';
