"""Results that other tools measured, read into the classes of `bench.results`.

A file per format, each with `NAME`, `recognises` and `read` (`format.ResultFormat`); `formats.py`
is the table of them. `joining.py` finds the artifacts that results are of, `device.py` and
`benchmark_model.py` have devices measure and read what they leave.
"""
