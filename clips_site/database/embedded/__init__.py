"""A PostgreSQL that lives in the project folder and starts when it is first connected to."""
