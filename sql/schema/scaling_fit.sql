-- The law by which the error of dictionaries falls with their live features: fvu = amplitude n^-exponent + floor.
create table scaling_fit (
    model_id varchar not null,
    experiment_id varchar not null,
    k integer not null,
    n_runs integer not null,
    n_left_out integer not null,
    n_sizes integer not null,
    smallest integer,
    largest integer,
    exponent double,
    exponent_ci_low double,
    exponent_ci_high double,
    amplitude double,
    floor double,
    floor_ci_low double,
    floor_ci_high double,
    aic double,
    aic_without_floor double,
    residual double,
    further_n double,
    further double,
    further_ci_low double,
    further_ci_high double,
    refused varchar,
    check (k > 0),
    check (n_runs >= 0),
    check (n_left_out >= 0),
    check (floor >= 0)
);

comment on table scaling_fit is 'One row per (model_id, experiment_id, k): a law of one sparsity. Refers to experiment (model_id, experiment_id)';
comment on column scaling_fit.model_id is 'Card of the model [id]';
comment on column scaling_fit.experiment_id is 'Card of the experiment [id]';
comment on column scaling_fit.k is 'Features that fire on a token [features]';
comment on column scaling_fit.n_runs is 'Converged runs that it was fitted to [runs]';
comment on column scaling_fit.n_left_out is 'Runs that had not converged [runs]';
comment on column scaling_fit.n_sizes is 'Widths with a converged run [widths]';
comment on column scaling_fit.smallest is 'The narrowest of them: below it the law says nothing [features]';
comment on column scaling_fit.largest is 'The widest [features]';
comment on column scaling_fit.exponent is 'Power by which the error falls; null where too few runs converged, as all that follows [power]';
comment on column scaling_fit.exponent_ci_low is 'Lower end of its 95 % interval, over runs drawn anew within each width [power]';
comment on column scaling_fit.exponent_ci_high is 'Upper end [power]';
comment on column scaling_fit.amplitude is 'Error above the floor at one feature [fraction]';
comment on column scaling_fit.floor is 'Error that no width takes away [fraction]';
comment on column scaling_fit.floor_ci_low is 'Lower end of its 95 % interval [fraction]';
comment on column scaling_fit.floor_ci_high is 'Upper end [fraction]';
comment on column scaling_fit.aic is 'Akaike''s criterion of the law [nats]';
comment on column scaling_fit.aic_without_floor is 'The same of the law without a floor: where it is smaller, a floor is not shown [nats]';
comment on column scaling_fit.residual is 'Root mean square of log residuals [nats]';
comment on column scaling_fit.further_n is 'Live features four times as many as the widest has [features]';
comment on column scaling_fit.further is 'What the law says there [fraction]';
comment on column scaling_fit.further_ci_low is 'Lower end of its 95 % interval [fraction]';
comment on column scaling_fit.further_ci_high is 'Upper end [fraction]';
comment on column scaling_fit.refused is 'Why no law was fitted [text]';
