"""The feature pages: a small read-only server over the published warehouse."""
