-- Sites that were harvested: which tokens have no row and why, and how the variance of the others is spread.
create table activation_site (
    model_id varchar not null,
    site varchar not null,
    n_tokens bigint not null,
    n_special bigint not null,
    n_skipped bigint not null,
    n_outliers bigint not null,
    median_norm double not null,
    norm_limit double,
    variance double not null,
    largest_rows_share double not null,
    rounding_share double not null,
    norm_quantiles double[] not null,
    check (n_tokens >= 0),
    check (n_special >= 0),
    check (n_skipped >= 0),
    check (n_outliers >= 0),
    check (median_norm >= 0),
    check (norm_limit >= 0),
    check (variance >= 0),
    check (largest_rows_share between 0 and 1.000001),
    check (rounding_share >= 0),
    check (len(norm_quantiles) = 6)
);

comment on table activation_site is 'One row per (model_id, site): the activations of one site';
comment on column activation_site.model_id is 'Card of the model [id]';
comment on column activation_site.site is 'Where the activations were read, such as resid_post.6 [text]';
comment on column activation_site.n_tokens is 'Rows that are stored [tokens]';
comment on column activation_site.n_special is 'Special tokens, which have no row [tokens]';
comment on column activation_site.n_skipped is 'Tokens of text left out as the first of their context (skip_first) [tokens]';
comment on column activation_site.n_outliers is 'Tokens of text left out for the norm of their activation (max_norm) [tokens]';
comment on column activation_site.median_norm is 'Median norm, of a sample of the corpus [activation]';
comment on column activation_site.norm_limit is 'Norm beyond which a row is left out; null where none is [activation]';
comment on column activation_site.variance is 'Mean squared distance of the rows from their mean [activation squared]';
comment on column activation_site.largest_rows_share is 'Share of the variance that the 1 % of rows farthest from the mean hold [fraction]';
comment on column activation_site.rounding_share is 'Mean squared error of rounding to the stored number format, over the variance: no FVU can be lower [fraction]';
comment on column activation_site.norm_quantiles is 'Norms at the quantiles 0, .25, .5, .75, .99 and 1, to within 4.4 % [activation]';
