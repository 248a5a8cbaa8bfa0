"""Measure and trace requests: metric instruments, trace context, facts for the request log."""
