# As tests, a thousand trials would take too long: `harness run scenarios/thousand_trials.yaml` runs them.
collect_ignore = ["thousand_trials.yaml"]
