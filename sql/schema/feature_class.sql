-- Labels of images that features of vision models prefer.
create table feature_class (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    label varchar not null,
    choosing_auroc double not null,
    auroc double not null,
    auroc_ci_low double not null,
    auroc_ci_high double not null,
    shuffled_auroc double not null,
    lift double,
    n_images bigint not null,
    n_of_label bigint not null,
    check (feature_id >= 0),
    check (choosing_auroc between 0 and 1),
    check (auroc between 0 and 1),
    check (auroc_ci_low <= auroc and auroc <= auroc_ci_high),
    check (shuffled_auroc between 0 and 1),
    check (lift >= 0),
    check (n_of_label between 0 and n_images)
);

comment on table feature_class is 'One row per (model_id, recipe_id, feature_id): the label of images that a feature tells best from the others, chosen on one half of the images and measured on the other. Refers to feature (model_id, recipe_id, feature_id)';
comment on column feature_class.model_id is 'Card of the model [id]';
comment on column feature_class.recipe_id is 'Card of the recipe [id]';
comment on column feature_class.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column feature_class.label is 'Label of images (image.label) [text]';
comment on column feature_class.choosing_auroc is 'Area under the ROC curve of the strongest activation in an image, on the images by which the label was chosen [1]';
comment on column feature_class.auroc is 'The same on the other images: what the preference is worth; .5 is chance [1]';
comment on column feature_class.auroc_ci_low is 'Where its 95 % interval begins [1]';
comment on column feature_class.auroc_ci_high is 'Where its 95 % interval ends [1]';
comment on column feature_class.shuffled_auroc is 'What the same search finds where labels are shuffled among the images [1]';
comment on column feature_class.lift is 'How many times as often an image has the label where the feature fires in it; null where it fires in none of the other images [1]';
comment on column feature_class.n_images is 'Images that the preference is measured on [images]';
comment on column feature_class.n_of_label is 'Those of them that have the label [images]';
