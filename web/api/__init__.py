"""The JSON API: read-only answers over the queries of the pages, found in `endpoints` and in `web/queries`."""
