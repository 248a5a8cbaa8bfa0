"""Who gets into the back office, and for how long: log-ins, second factors, sessions."""
