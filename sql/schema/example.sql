-- Windows of text in which features fire, and controls in which they do not.
create table example (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    kind varchar not null,
    interval_index integer,
    rank integer not null,
    example_id varchar not null,
    context_id bigint not null,
    document_id varchar not null,
    position bigint not null,
    activation double not null,
    tokens varchar[] not null,
    activations float[] not null,
    peak integer not null,
    check (feature_id >= 0),
    check (kind in ('top', 'interval', 'control')),
    check ((kind = 'interval') = (interval_index is not null)),
    check (interval_index >= 0),
    check (rank >= 0),
    check (context_id >= 0),
    check (position >= 0),
    check (isfinite(activation) and activation >= 0),
    check (kind <> 'control' or activation = 0),
    check (len(tokens) = len(activations)),
    check (peak between 0 and len(tokens) - 1)
);

comment on table example is 'One row per (model_id, recipe_id, feature_id, kind, interval_index, rank): a window of tokens around a place in a context. Refers to feature (model_id, recipe_id, feature_id)';
comment on column example.model_id is 'Card of the model [id]';
comment on column example.recipe_id is 'Card of the recipe [id]';
comment on column example.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column example.kind is 'top (strongest), interval (drawn from a slice of the activations) or control (a window where the feature is silent) [text]';
comment on column example.interval_index is 'Slice of (0, max activation] that the peak falls in, from 0; null for controls and for top examples [index]';
comment on column example.rank is 'Place among its kind and interval [index]';
comment on column example.example_id is 'Hash of feature, kind, interval and place [id]';
comment on column example.context_id is 'Context of the corpus [index]';
comment on column example.document_id is 'Document that the context was cut from [id]';
comment on column example.position is 'Place of the peak in the context, special tokens counted, from 0 [tokens]';
comment on column example.activation is 'Activation at the peak; 0 for a control [activation]';
comment on column example.tokens is 'The window; joined it reads as text [text]';
comment on column example.activations is 'Activation on each token of the window [activation]';
comment on column example.peak is 'Place of the peak among tokens, from 0 [index]';
