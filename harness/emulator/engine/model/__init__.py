"""The stored records of clusters and jobs, and the definitions that clients send."""
