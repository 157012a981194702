"""Which operators each delegate takes, as tables that a person can read and change.

A table is a TOML file in `tables/`. It lists the operators that a delegate has, and rules that a
node of such an operator has to meet, each with its reason, its source and, where there is one, the
remedy. `expression.py` says what a rule's condition may be made of.
"""
