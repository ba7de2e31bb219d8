-- What the tuning curves of a unit say of it.
create table tuning_summary (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar,
    site varchar not null,
    feature_id integer,
    channel integer,
    stimulus varchar not null,
    preferred_angle double not null,
    circular_mean double not null,
    circular_mean_ci_low double,
    circular_mean_ci_high double,
    vector_length double not null,
    vector_length_ci_low double,
    vector_length_ci_high double,
    half_width double not null,
    echo double not null,
    best_size double,
    peak double not null,
    peak_ci_low double,
    peak_ci_high double,
    noise_peak double,
    max_activation double,
    is_curve_candidate boolean,
    n_replicates bigint not null,
    check (feature_id is null or recipe_id is not null),
    check (preferred_angle >= 0 and preferred_angle < 360),
    check (circular_mean >= 0 and circular_mean <= 360),
    check (vector_length between 0 and 1.000001),
    check (half_width between 0 and 180),
    check (n_replicates > 0)
);

comment on table tuning_summary is 'One row per (model_id, experiment_id, site, feature_id, channel, stimulus): one units tuning to one kind of stimulus. Refers to experiment (model_id, experiment_id), feature (model_id, recipe_id, feature_id)';
comment on column tuning_summary.model_id is 'Card of the model [id]';
comment on column tuning_summary.experiment_id is 'Card of the experiment [id]';
comment on column tuning_summary.recipe_id is 'Recipe of the dictionary whose feature is meant; null of a channel [id]';
comment on column tuning_summary.site is 'Site of the unit [text]';
comment on column tuning_summary.feature_id is 'Feature of the dictionary; null of a channel [index]';
comment on column tuning_summary.channel is 'Channel of the site; null of a feature [index]';
comment on column tuning_summary.stimulus is 'As in tuning; noise has no angle and no summary [text]';
comment on column tuning_summary.preferred_angle is 'Where the curve, the largest answer over sizes, peaks [degrees]';
comment on column tuning_summary.circular_mean is 'Mean direction of the curve, cut off at 0 [degrees]';
comment on column tuning_summary.circular_mean_ci_low is 'Lower end of its 95 % interval over replicates; may lie below 0 [degrees]';
comment on column tuning_summary.circular_mean_ci_high is 'Upper end; may lie beyond a turn [degrees]';
comment on column tuning_summary.vector_length is 'How much the curve points one way: 1 of a single angle, 0 of a flat curve [fraction]';
comment on column tuning_summary.vector_length_ci_low is 'Lower end of its 95 % interval [fraction]';
comment on column tuning_summary.vector_length_ci_high is 'Upper end [fraction]';
comment on column tuning_summary.half_width is 'From the peak to where the curve falls to half; half the period where it never does [degrees]';
comment on column tuning_summary.echo is 'The curve opposite its peak over the peak, of orientations at right angles to it [fraction]';
comment on column tuning_summary.best_size is 'Radius or wavelength at the peak; null of lines [pixels]';
comment on column tuning_summary.peak is 'Mean answer at the peak, each half of the replicates measured where the other half peaks [activation]';
comment on column tuning_summary.peak_ci_low is 'Lower end of its 95 % interval over replicates [activation]';
comment on column tuning_summary.peak_ci_high is 'Upper end [activation]';
comment on column tuning_summary.noise_peak is 'Baseline: the strongest mean answer to noise; null where none was shown [activation]';
comment on column tuning_summary.max_activation is 'Strongest activation of the feature on the corpus; null of a channel [activation]';
comment on column tuning_summary.is_curve_candidate is 'Whether arcs tell a curve detector: vector length above .3, peak above 1.3 times that of a line of the same ink and .1 times that of the strongest unit; null of other stimuli [true or false]';
comment on column tuning_summary.n_replicates is 'Drawings of each stimulus [count]';
