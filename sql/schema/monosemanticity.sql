-- How alike the images are in which features of vision models fire.
create table monosemanticity (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    score double,
    score_ci_low double,
    score_ci_high double,
    shuffled_score double,
    mean_similarity double not null,
    n_images bigint not null,
    n_firing_images bigint not null,
    embedding_site varchar not null,
    pooling varchar not null,
    check (feature_id >= 0),
    check (score between -1 and 1),
    check (score_ci_low <= score and score <= score_ci_high),
    check ((score_ci_low is null) = (score_ci_high is null)),
    check (score is not null or score_ci_low is null),
    check ((score is null) = (shuffled_score is null)),
    check (score is null or n_firing_images >= 2),
    check (shuffled_score between -1 and 1),
    check (mean_similarity between -1 and 1),
    check (n_firing_images between 0 and n_images),
    check (pooling in ('cls', 'mean'))
);

comment on table monosemanticity is 'One row per (model_id, recipe_id, feature_id): how alike the images are in which a feature of a vision model fires. Refers to feature (model_id, recipe_id, feature_id)';
comment on column monosemanticity.model_id is 'Card of the model [id]';
comment on column monosemanticity.recipe_id is 'Card of the recipe [id]';
comment on column monosemanticity.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column monosemanticity.score is 'Mean cosine of the embeddings of two images, pairs weighted by the product of the feature''s strongest activations in them, brought to 0..1 by its smallest and largest over all images (Pach et al. 2025); null where fewer than two images are then above 0 [1]';
comment on column monosemanticity.score_ci_low is 'Where its 95 % interval begins, by the jackknife over images; null where fewer than four are above 0 [1]';
comment on column monosemanticity.score_ci_high is 'Where its 95 % interval ends [1]';
comment on column monosemanticity.shuffled_score is 'The score of the same activations dealt out to the images by chance [1]';
comment on column monosemanticity.mean_similarity is 'Mean cosine of all pairs of images: the score of a feature that fires in all alike [1]';
comment on column monosemanticity.n_images is 'Images that were compared [images]';
comment on column monosemanticity.n_firing_images is 'Those of them in which the feature fires [images]';
comment on column monosemanticity.embedding_site is 'Site of the same model that images are embedded by: the end of its last block, behind the norm that follows. Where the dictionary reads it too, a score is partly about the feature itself [text]';
comment on column monosemanticity.pooling is 'cls (the CLS token) or mean (of all patches) [text]';
