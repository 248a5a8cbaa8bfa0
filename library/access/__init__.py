"""Access to the back office: log-ins and their limits, second factors, sessions."""
