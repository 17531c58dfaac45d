"""Services that run jobs: the protocol, and a package for each that implements it."""
