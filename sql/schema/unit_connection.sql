-- What a channel of an earlier site does to a channel of a later one.
create table unit_connection (
    model_id varchar not null,
    experiment_id varchar not null,
    site varchar not null,
    channel integer not null,
    source_site varchar not null,
    source_channel integer not null,
    rank integer not null,
    kernel_sum double not null,
    kernel_norm double not null,
    contribution double not null,
    ablation_effect double not null,
    response double not null,
    source_orientation double not null,
    source_vector_length double not null,
    check (channel >= 0),
    check (source_channel >= 0),
    check (rank >= 0),
    check (kernel_norm >= 0),
    check (source_vector_length between 0 and 1.000001)
);

comment on table unit_connection is 'One row per (model_id, experiment_id, site, channel, source_site, source_channel): one connection. Refers to experiment (model_id, experiment_id)';
comment on column unit_connection.model_id is 'Card of the model [id]';
comment on column unit_connection.experiment_id is 'Card of the experiment [id]';
comment on column unit_connection.site is 'Site of the channel [text]';
comment on column unit_connection.channel is 'Channel that is explained [index]';
comment on column unit_connection.source_site is 'Earlier site [text]';
comment on column unit_connection.source_channel is 'Channel of the earlier site [index]';
comment on column unit_connection.rank is 'Place by the norm of the kernel, from 0 [index]';
comment on column unit_connection.kernel_sum is 'Sum over places of the derivative of the channel in the middle by the source (at the channel''s strongest place near it), averaged over drawings of the stimulus that the channel likes best [fraction]';
comment on column unit_connection.kernel_norm is 'Norm of these derivatives over places [fraction]';
comment on column unit_connection.contribution is 'Derivative times what the source exceeds its value on grey, summed over places: what it adds to the response, to first order [activation]';
comment on column unit_connection.ablation_effect is 'By how much the response falls, on drawings that chose nothing, while the source has its value on grey [activation]';
comment on column unit_connection.response is 'The response on these drawings with nothing ablated [activation]';
comment on column unit_connection.source_orientation is 'Orientation across the stripes of the grating that the source prefers [degrees]';
comment on column unit_connection.source_vector_length is 'How sharply it does: 1 of a single orientation, 0 of none [fraction]';
