-- Frames that contexts of a model may stand in: what was tried, and which was chosen.
create table context_frame (
    model_id varchar not null,
    candidate varchar not null,
    prefix integer[] not null,
    suffix integer[] not null,
    n_sinks integer,
    variance_share double,
    position integer,
    layer integer,
    outlier_share double,
    n_tokens bigint,
    is_chosen boolean not null,
    skip_first integer not null,
    check (n_sinks >= 0),
    check (variance_share between 0 and 1),
    check (position >= 0),
    check (layer >= 0),
    check (outlier_share between 0 and 1),
    check (n_tokens >= 0),
    check (skip_first >= 0)
);

comment on table context_frame is 'One row per (model_id, candidate): a frame of the model''s contexts, tried on a few of them; or the one that the card names, with nulls where nothing was tried';
comment on column context_frame.model_id is 'Card of the model [id]';
comment on column context_frame.candidate is 'Token before the text; none where there is none [text]';
comment on column context_frame.prefix is 'Tokens before the text [ids]';
comment on column context_frame.suffix is 'Tokens after the text [ids]';
comment on column context_frame.n_sinks is 'First text tokens that are attention sinks: each holds more than 5 % of the variance of some layer, and the median of its squared distances from the mean exceeds four times that of the later ones [tokens]';
comment on column context_frame.variance_share is 'Largest share of the variance of one layer that one of the first eight text positions holds [fraction]';
comment on column context_frame.position is 'That position, counted from the first text token [position]';
comment on column context_frame.layer is 'That layer: the residual stream after it was read [index]';
comment on column context_frame.outlier_share is 'Of the first eight text tokens, those whose norm exceeds ten medians, in the layer where most do [fraction]';
comment on column context_frame.n_tokens is 'Tokens of text that were tried [tokens]';
comment on column context_frame.is_chosen is 'Whether the model''s contexts stand in it [boolean]';
comment on column context_frame.skip_first is 'First text tokens that are fed but not read in it [tokens]';
