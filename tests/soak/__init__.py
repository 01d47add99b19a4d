"""A long run under faults, with a summary:  python -m soak --help  in tests/."""
