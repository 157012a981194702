"""Whether two artifacts of one model hold the same program, operator by operator."""
