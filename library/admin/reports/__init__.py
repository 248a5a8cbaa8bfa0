"""Reports of clips by the public, and how editors settle them."""
