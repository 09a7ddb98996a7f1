"""The same as the pages, as JSON for programs: bearer tokens, the same roles."""
