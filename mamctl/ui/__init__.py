"""What people see: tables, streams and words."""
