-- An image that was made so that a unit is as active as can be.
create table optimised_image (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar,
    site varchar not null,
    feature_id integer,
    channel integer,
    direction varchar,
    image_seed bigint not null,
    objective varchar not null,
    value double not null,
    start_value double not null,
    activation double not null,
    max_activation double,
    diversity double not null,
    steps bigint not null,
    side integer not null,
    basis varchar not null,
    transforms_sha256 varchar not null,
    png blob not null,
    check (feature_id is null or recipe_id is not null),
    check (steps > 0),
    check (side > 0),
    check (basis in ('fourier', 'pixel')),
    check (diversity >= 0)
);

comment on table optimised_image is 'One row per (model_id, experiment_id, site, feature_id, channel, direction, image_seed): one optimised image. Refers to experiment (model_id, experiment_id), feature (model_id, recipe_id, feature_id)';
comment on column optimised_image.model_id is 'Card of the model [id]';
comment on column optimised_image.experiment_id is 'Card of the experiment [id]';
comment on column optimised_image.recipe_id is 'Recipe of the dictionary whose feature is meant; null of a channel [id]';
comment on column optimised_image.site is 'Site of the unit [text]';
comment on column optimised_image.feature_id is 'Feature of the dictionary; null of a channel [index]';
comment on column optimised_image.channel is 'Channel of the site; null of a feature [index]';
comment on column optimised_image.direction is 'Name of a direction of channels in the card; null of a unit [text]';
comment on column optimised_image.image_seed is 'Seed of the images beginning and of its views [index]';
comment on column optimised_image.objective is 'channel, channel_squared: mean over places of the value or its square; neuron: the value in the middle; latent, latent_in_the_middle: the same of a feature''s pre-activation; direction: the product with the direction [text]';
comment on column optimised_image.value is 'The objective on the finished image [unit of the objective]';
comment on column optimised_image.start_value is 'The objective on the first view, before any step: what noise reaches [unit of the objective]';
comment on column optimised_image.activation is 'Value at the strongest place of the finished image: of a feature after the dictionary''s own choice, of a direction the product [activation]';
comment on column optimised_image.max_activation is 'Strongest activation of the feature on the corpus; null of channels and directions [activation]';
comment on column optimised_image.diversity is 'Weight of how much the images of one unit differ [unit of the objective]';
comment on column optimised_image.steps is 'Steps of Adam [count]';
comment on column optimised_image.side is 'Pixels of a side [pixels]';
comment on column optimised_image.basis is 'What the parameters are coefficients of: fourier or pixel [text]';
comment on column optimised_image.transforms_sha256 is 'Hash of the random views [sha256]';
comment on column optimised_image.png is 'The image as a PNG file [bytes]';
