"""Where artifacts really run. A new target is one new file and one row in the table."""
