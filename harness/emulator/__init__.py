"""A local Azure: sign-in, Resource Manager, storage and Batch AI behind an HTTPS proxy on loopback."""
