"""Which nodes of a graph a delegate takes: estimated from its table of rules, or measured."""
