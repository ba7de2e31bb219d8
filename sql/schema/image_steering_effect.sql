-- What a vision model sees while one of its units is set, beside random units and directions.
create table image_steering_effect (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar,
    site varchar not null,
    feature_id integer,
    channel integer,
    condition varchar not null,
    kind varchar not null,
    strength double not null,
    class_id integer not null,
    class_name varchar not null,
    is_promoted boolean not null,
    probability double not null,
    plain_probability double not null,
    log_probability_change double not null,
    ci_low double,
    ci_high double,
    likeliest_share double not null,
    plain_likeliest_share double not null,
    n_edits bigint not null,
    n_images bigint not null,
    check (feature_id is null or recipe_id is not null),
    check (condition in ('unit', 'random_units', 'random_directions')),
    check (kind in ('clamp', 'min_clamp', 'add', 'scale', 'ablate')),
    check (probability between 0 and 1.000001),
    check (plain_probability between 0 and 1.000001),
    check (likeliest_share between 0 and 1),
    check (plain_likeliest_share between 0 and 1),
    check (ci_low <= ci_high),
    check (n_edits > 0),
    check (n_images > 0)
);

comment on table image_steering_effect is 'One row per (model_id, experiment_id, site, feature_id, channel, condition, strength, class_id): one class while one unit is set. Refers to experiment (model_id, experiment_id), feature (model_id, recipe_id, feature_id)';
comment on column image_steering_effect.model_id is 'Card of the model [id]';
comment on column image_steering_effect.experiment_id is 'Card of the experiment [id]';
comment on column image_steering_effect.recipe_id is 'Recipe of the dictionary whose feature is meant; null of a channel [id]';
comment on column image_steering_effect.site is 'Site of the unit [text]';
comment on column image_steering_effect.feature_id is 'Feature of the dictionary; null of a channel [index]';
comment on column image_steering_effect.channel is 'Channel of the site; null of a feature [index]';
comment on column image_steering_effect.condition is 'unit; random_units: others set alike, of a dictionary of like density; random_directions: the change of the unit along random directions of the same length [name]';
comment on column image_steering_effect.kind is 'clamp, min_clamp, add, scale or ablate [name]';
comment on column image_steering_effect.strength is 'Multiple of the strongest activation, of a channel on the images; factor of scale; 0 of ablate [strength]';
comment on column image_steering_effect.class_id is 'Class of the model [index]';
comment on column image_steering_effect.class_name is 'Its name [text]';
comment on column image_steering_effect.is_promoted is 'Whether it is the class that the unit raises most at its largest strength, on the groups of images that are not reported; else the card names it [true or false]';
comment on column image_steering_effect.probability is 'Mean over the reported images, of several edits of their geometric mean [fraction]';
comment on column image_steering_effect.plain_probability is 'Baseline: the same of the plain model [fraction]';
comment on column image_steering_effect.log_probability_change is 'Mean change of the log probability [nats]';
comment on column image_steering_effect.ci_low is 'Lower end of its 95 % interval over groups of images; null of one group [nats]';
comment on column image_steering_effect.ci_high is 'Upper end [nats]';
comment on column image_steering_effect.likeliest_share is 'Share of the images whose likeliest class it is [fraction]';
comment on column image_steering_effect.plain_likeliest_share is 'The same of the plain model [fraction]';
comment on column image_steering_effect.n_edits is 'Edits that are averaged [count]';
comment on column image_steering_effect.n_images is 'Images that are reported: every second group [count]';
