"""What a job's toolkit settings mean as processes: one pure module per toolkit."""
