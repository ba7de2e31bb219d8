-- How the variance of a site is spread over the positions of a context.
create table activation_profile (
    model_id varchar not null,
    site varchar not null,
    position_first bigint not null,
    position_last bigint not null,
    n_tokens bigint not null,
    n_outliers bigint not null,
    mean_norm double,
    variance_share double not null,
    check (position_first >= 0),
    check (position_last >= position_first),
    check (n_tokens >= 0),
    check (n_outliers >= 0),
    check (mean_norm >= 0),
    check (variance_share between 0 and 1)
);

comment on table activation_profile is 'One row per (model_id, site, position_first): the rows of one bucket of positions; the first sixteen that are read have a bucket each';
comment on column activation_profile.model_id is 'Card of the model [id]';
comment on column activation_profile.site is 'Where the activations were read, such as resid_post.6 [text]';
comment on column activation_profile.position_first is 'First position of the bucket, counted from the start of the context, special tokens included [position]';
comment on column activation_profile.position_last is 'Last position of the bucket [position]';
comment on column activation_profile.n_tokens is 'Rows that are stored [tokens]';
comment on column activation_profile.n_outliers is 'Rows left out for their norm [tokens]';
comment on column activation_profile.mean_norm is 'Mean norm of the rows; null where none is stored [activation]';
comment on column activation_profile.variance_share is 'Share of the site''s variance that the rows hold [fraction]';
