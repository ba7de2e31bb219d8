-- The activation interval, from 0, that holds the midpoint of a histogram's bin: intervals are equal slices of (0, maximum].
-- Exact where the bins are a multiple of the intervals, as they are by default; null where n_intervals is.
create macro interval_of_bin(lower, upper, maximum, n_intervals) as
least(floor((lower + upper) / 2 / maximum * n_intervals), n_intervals - 1)::integer;
