"""The targets that artifacts run on. Knows artifacts, and nothing of projects or reports."""
