"""Documentation, its pictures, and the script that takes them."""
