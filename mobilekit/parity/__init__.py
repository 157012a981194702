"""Whether an artifact answers as its source does: goldens, metrics, budgets and checks."""
