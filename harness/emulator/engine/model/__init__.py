"""What the store remembers of clusters and jobs, and what clients ask for."""
