-- How strongly features fire: exact counts in equal-width bins.
create table activation_histogram (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    bin integer not null,
    lower double not null,
    upper double not null,
    n bigint not null,
    check (feature_id >= 0),
    check (bin >= 0),
    check (isfinite(lower) and lower >= 0),
    check (isfinite(upper) and lower <= upper),
    check (n >= 0)
);

comment on table activation_histogram is 'One row per (model_id, recipe_id, feature_id, bin): a slice of the activations of a feature. Refers to feature (model_id, recipe_id, feature_id)';
comment on column activation_histogram.model_id is 'Card of the model [id]';
comment on column activation_histogram.recipe_id is 'Card of the recipe [id]';
comment on column activation_histogram.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column activation_histogram.bin is 'Slice of (0, max activation], from 0 [index]';
comment on column activation_histogram.lower is 'Where the slice begins, not in it [activation]';
comment on column activation_histogram.upper is 'Where the slice ends, in it [activation]';
comment on column activation_histogram.n is 'Firings in the slice [tokens]';
