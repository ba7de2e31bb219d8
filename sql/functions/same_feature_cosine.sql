-- Cosine of decoder directions above which features of two dictionaries count as the same.
-- It is SAME_FEATURE_COSINE of models/comparison/decoder_matching.py, by which feature_match.n_split_features was counted.
create macro same_feature_cosine() as 0.7::double;
