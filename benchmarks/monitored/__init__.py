"""The service under mixed traffic, with a database and an origin of its own, to be watched."""
