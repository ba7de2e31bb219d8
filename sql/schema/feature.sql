-- Features: how often and how strongly each fires.
create table feature (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    n_firings bigint not null,
    n_tokens bigint not null,
    density double not null,
    mean_activation double,
    std_activation double,
    max_activation double,
    is_dead boolean not null,
    top_position bigint,
    top_position_share double,
    start_share double,
    decoder_norm double,
    encoder_decoder_cosine double,
    logit_skew double,
    logit_kurtosis double,
    check (feature_id >= 0),
    check (n_firings between 0 and n_tokens),
    check (density between 0 and 1),
    check (abs(density - n_firings / n_tokens) <= 1e-6),
    check (is_dead = (n_firings = 0)),
    check (top_position >= 0),
    check (top_position_share between 0 and 1),
    check (start_share between 0 and 1),
    check (isfinite(mean_activation) and mean_activation >= 0),
    check (isfinite(std_activation) and std_activation >= 0),
    check (isfinite(max_activation) and max_activation >= 0),
    check (isfinite(decoder_norm) and decoder_norm >= 0),
    check (encoder_decoder_cosine between -1.000001 and 1.000001),
    check (isfinite(logit_skew)),
    check (isfinite(logit_kurtosis))
);

comment on table feature is 'One row per (model_id, recipe_id, feature_id): a feature; a dead one has never fired. Refers to sae (model_id, recipe_id)';
comment on column feature.model_id is 'Card of the model [id]';
comment on column feature.recipe_id is 'Card of the recipe [id]';
comment on column feature.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column feature.n_firings is 'Tokens on which it fires [tokens]';
comment on column feature.n_tokens is 'Tokens looked at [tokens]';
comment on column feature.density is 'Share of tokens on which it fires [fraction]';
comment on column feature.mean_activation is 'Mean over the tokens on which it fires; null for a dead feature [activation]';
comment on column feature.std_activation is 'Standard deviation over the tokens on which it fires; null for a dead feature [activation]';
comment on column feature.max_activation is 'Strongest activation; null for a dead feature [activation]';
comment on column feature.is_dead is 'Whether it never fires [boolean]';
comment on column feature.top_position is 'Context position at which it fires most often; of a later one the first of its bucket, as in activation_profile; null for a dead feature and where an import does not say [position]';
comment on column feature.top_position_share is 'Share of its firings there; null likewise [fraction]';
comment on column feature.start_share is 'Share of its firings at the first four positions that are read; null likewise [fraction]';
comment on column feature.decoder_norm is 'Length of its direction in the decoder; null where an import does not say [activation]';
comment on column feature.encoder_decoder_cosine is 'Cosine between its encoder and decoder directions; null where they live in different spaces [cosine]';
comment on column feature.logit_skew is 'Skewness of its direct effect over the vocabulary, from logit_shape; null where the model has no unembedding [1]';
comment on column feature.logit_kurtosis is 'Kurtosis of its direct effect over the vocabulary, from logit_shape; null where the model has no unembedding [1]';
