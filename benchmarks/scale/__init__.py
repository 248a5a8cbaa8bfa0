"""Whether answers cost the same at a hundred and at ten million plays."""
