"""An evaluator of Core ML's ML Programs for any system: no Apple software in it.

A saved package is opened (`package`), read into plain data (`program`), lowered to an ONNX graph in
the types that it declares (`lowering`, and one function for each operator in `ops`), and run by
ONNX Runtime (`evaluator`). It proves what a conversion did. It says nothing of Apple's hardware.
"""
