-- What is left of a channel without some channels of an earlier site.
create table unit_ablation (
    model_id varchar not null,
    experiment_id varchar not null,
    site varchar not null,
    channel integer not null,
    source_site varchar not null,
    condition varchar not null,
    sources integer[],
    n_sources bigint not null,
    n_sets bigint not null,
    stimulus varchar not null,
    angle double not null,
    size double,
    response double not null,
    ablated_response double not null,
    effect double not null,
    ci_low double,
    ci_high double,
    set_deviation double,
    n_replicates bigint not null,
    check (condition in ('largest_kernels', 'largest_contributions', 'random', 'all')),
    check (channel >= 0),
    check (n_sources > 0),
    check (n_sets > 0),
    check (set_deviation >= 0),
    check (n_replicates > 0)
);

comment on table unit_ablation is 'One row per (model_id, experiment_id, site, channel, source_site, condition): one ablation. Refers to experiment (model_id, experiment_id)';
comment on column unit_ablation.model_id is 'Card of the model [id]';
comment on column unit_ablation.experiment_id is 'Card of the experiment [id]';
comment on column unit_ablation.site is 'Site of the channel [text]';
comment on column unit_ablation.channel is 'Channel that is explained [index]';
comment on column unit_ablation.source_site is 'Earlier site [text]';
comment on column unit_ablation.condition is 'largest_kernels, largest_contributions: the sources that are first by these; random: as many drawn ones, several times; all [text]';
comment on column unit_ablation.sources is 'The sources; null where several sets were drawn [index]';
comment on column unit_ablation.n_sources is 'Sources that have their value on grey at once [count]';
comment on column unit_ablation.n_sets is 'Sets whose responses are averaged [count]';
comment on column unit_ablation.stimulus is 'The kind that the channel likes best, chosen on other drawings [text]';
comment on column unit_ablation.angle is 'Its angle [degrees]';
comment on column unit_ablation.size is 'Its radius or wavelength; null of lines [pixels]';
comment on column unit_ablation.response is 'Baseline: the response with nothing ablated, less that to grey [activation]';
comment on column unit_ablation.ablated_response is 'The response without the sources [activation]';
comment on column unit_ablation.effect is 'Their difference [activation]';
comment on column unit_ablation.ci_low is 'Lower end of its 95 % interval over drawings [activation]';
comment on column unit_ablation.ci_high is 'Upper end [activation]';
comment on column unit_ablation.set_deviation is 'Standard deviation of the effect over sets; null of one [activation]';
comment on column unit_ablation.n_replicates is 'Drawings that it is the mean of [count]';
