"""What the documentation shows, and what makes it."""
