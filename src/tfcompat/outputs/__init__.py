"""What people and machines read: one module a format. Each takes typed results and returns text."""
