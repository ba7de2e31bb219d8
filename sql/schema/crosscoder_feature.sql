-- To which side of a crosscoder each feature belongs, and whether that is to be believed.
create table crosscoder_feature (
    model_id varchar not null,
    experiment_id varchar not null,
    latent_id integer not null,
    norm double not null,
    other_norm double not null,
    delta double not null,
    evened_delta double not null,
    cosine double not null,
    rate double not null,
    n_firings bigint not null,
    nu_error double not null,
    nu_reconstruction double not null,
    nu_vector double not null,
    nu_vector_chance double not null,
    kind varchar not null,
    is_believed boolean not null,
    check (latent_id >= 0),
    check (norm >= 0),
    check (other_norm >= 0),
    check (delta between 0 and 1),
    check (evened_delta between 0 and 1),
    check (cosine between -1 and 1),
    check (rate between 0 and 1),
    check (nu_error between -10 and 10),
    check (nu_reconstruction between -10 and 10),
    check (nu_vector >= 0),
    check (kind in ('own', 'other', 'shared', 'between'))
);

comment on table crosscoder_feature is 'One row per (model_id, experiment_id, latent_id): a feature of the crosscoder that fires on the texts. Refers to crosscoder (model_id, experiment_id)';
comment on column crosscoder_feature.model_id is 'Card of the model [id]';
comment on column crosscoder_feature.experiment_id is 'Card of the experiment [id]';
comment on column crosscoder_feature.latent_id is 'Feature of the crosscoder, counted from 0; none of a dictionary [index]';
comment on column crosscoder_feature.norm is 'Length of its row of the first side, in scaled activations [scaled activation]';
comment on column crosscoder_feature.other_norm is 'Length of its row of the second side [scaled activation]';
comment on column crosscoder_feature.delta is '0 where the first side alone has a row, 1 where the second alone, .5 where both are as long [fraction]';
comment on column crosscoder_feature.evened_delta is 'The same after the second side''s rows are scaled so that the median feature of both has .5 [fraction]';
comment on column crosscoder_feature.cosine is 'Between its two rows; says little where the two models have different bases [cosine]';
comment on column crosscoder_feature.rate is 'Share of the tokens on which it fires [fraction]';
comment on column crosscoder_feature.n_firings is 'Tokens on which it fires [tokens]';
comment on column crosscoder_feature.nu_error is 'How much of it the error of the side with the shorter row holds, along the longer row: high where the penalty took the row away. Cut at 10 [fraction]';
comment on column crosscoder_feature.nu_reconstruction is 'How much of it that side''s reconstruction holds along the longer row: high where other features write it. Cut at 10 [fraction]';
comment on column crosscoder_feature.nu_vector is 'How much that side''s error moves with it, in whatever direction [fraction]';
comment on column crosscoder_feature.nu_vector_chance is 'What nu_vector comes to where errors say nothing of the feature: falls with its firings [fraction]';
comment on column crosscoder_feature.kind is 'own below .1 of evened_delta, other above .9, shared from .4 to .6, between elsewhere [name]';
comment on column crosscoder_feature.is_believed is 'Of own and other: nu_error and nu_vector (without chance) below .2, nu_reconstruction below .5 [boolean]';
