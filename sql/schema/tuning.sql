-- What units of a vision model answer to drawn stimuli.
create table tuning (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar,
    site varchar not null,
    feature_id integer,
    channel integer,
    stimulus varchar not null,
    angle double not null,
    size double,
    response double not null,
    n_replicates bigint not null,
    check (feature_id is null or recipe_id is not null),
    check (angle >= 0 and angle < 360),
    check (n_replicates > 0)
);

comment on table tuning is 'One row per (model_id, experiment_id, site, feature_id, channel, stimulus, angle, size): the answer to one stimulus. Refers to experiment (model_id, experiment_id), feature (model_id, recipe_id, feature_id)';
comment on column tuning.model_id is 'Card of the model [id]';
comment on column tuning.experiment_id is 'Card of the experiment [id]';
comment on column tuning.recipe_id is 'Recipe of the dictionary whose feature is meant; null of a channel [id]';
comment on column tuning.site is 'Site of the unit [text]';
comment on column tuning.feature_id is 'Feature of the dictionary; null of a channel [index]';
comment on column tuning.channel is 'Channel of the site; null of a feature [index]';
comment on column tuning.stimulus is 'arc, corner (two tangents in its place), disc (filled), line, each inverted where it is dark on grey; grating; high_low (fine noise on one side, coarse on the other); noise [text]';
comment on column tuning.angle is 'Direction in which the stimulus points, from right towards below; of lines and gratings the orientation across them [degrees]';
comment on column tuning.size is 'Radius or wavelength; of noise the band: 0 all frequencies, 1 fine, 2 coarse; null of lines [pixels]';
comment on column tuning.response is 'Mean over replicates of the strongest value near the middle, less that of a grey picture [activation]';
comment on column tuning.n_replicates is 'Drawings that it is the mean of [count]';
