# A thousand tests would take as long as all others: harness run scenarios/thousand_trials.yaml runs them.
collect_ignore = ["thousand_trials.yaml"]
