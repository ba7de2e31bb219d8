-- How much of a concept other features than its own bring, on kinds of it that chose nothing.
create table concept_absorption (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar not null,
    label varchar not null,
    main_feature_ids bigint[] not null,
    probe_f1 double not null,
    n_kinds bigint not null,
    n_texts bigint not null,
    n_right bigint not null,
    rate double,
    rate_ci_low double,
    rate_ci_high double,
    random_rate double,
    fraction double,
    fraction_ci_low double,
    fraction_ci_high double,
    random_fraction double,
    check (probe_f1 between 0 and 1),
    check (n_right between 0 and n_texts),
    check (rate between 0 and 1),
    check (fraction between 0 and 1)
);

comment on table concept_absorption is 'One row per (model_id, experiment_id, label): how much of a concept is absorbed by features of its kinds. Refers to experiment (model_id, experiment_id)';
comment on column concept_absorption.model_id is 'Card of the model [id]';
comment on column concept_absorption.experiment_id is 'Card of the experiment [id]';
comment on column concept_absorption.recipe_id is 'Recipe whose features are read [id]';
comment on column concept_absorption.label is 'The concept: a label of the text set [text]';
comment on column concept_absorption.main_feature_ids is 'Features that stand for it on training kinds, best first [id]';
comment on column concept_absorption.probe_f1 is 'F1 of the probe of the whole activation on test texts; below .6 there are no rates [fraction]';
comment on column concept_absorption.n_kinds is 'Test kinds: groups of the text set [kinds]';
comment on column concept_absorption.n_texts is 'Their texts [texts]';
comment on column concept_absorption.n_right is 'Texts on which the probe says this label; rates are over them [texts]';
comment on column concept_absorption.rate is 'Share of texts on which no feature of the concept fires and another brings at least .4 of it; small is good; null where fewer than 20 texts are right [fraction]';
comment on column concept_absorption.rate_ci_low is 'Lower end of the 95 % interval, bootstrap over kinds [fraction]';
comment on column concept_absorption.rate_ci_high is 'Upper end [fraction]';
comment on column concept_absorption.random_rate is 'The same with as many random features in the place of the concept''s, mean over draws: what there is to absorb [fraction]';
comment on column concept_absorption.fraction is 'Part of the concept that other features bring, mean over texts, also where its own only fall low [fraction]';
comment on column concept_absorption.fraction_ci_low is 'Lower end of the 95 % interval, bootstrap over kinds [fraction]';
comment on column concept_absorption.fraction_ci_high is 'Upper end [fraction]';
comment on column concept_absorption.random_fraction is 'The same with random features in the place of the concept''s [fraction]';
