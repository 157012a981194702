from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mobilekit_delegates.targets.gpu_refusals import Coverage, Refusal, read_coverage

PARTLY = """INFO: [delegate_webgpu.cc:363] Created a WebGPU environment.
ERROR: Following operations are not supported by GPU delegate:
DEQUANTIZE:
RESHAPE: Tensor dimensions must be less than 5. model/Reshape
RESHAPE: Tensor dimensions must be less than 5. model/transpose;model/other
TRANSPOSE: Permutation for transpose is invalid.
1 operations will run on the GPU, and the remaining 6 operations will run on the CPU.
WARNING: unrelated
"""

LOOP = """ERROR: Following operations are not supported by GPU delegate:
STRIDED_SLICE: Slice does not support shrink_axis_mask parameter.\x20
WHILE: Operation is not supported.
1 operations will run on the GPU, and the remaining 2 operations will run on the CPU.
ERROR: Following operations are not supported by GPU delegate:
GATHER: Only support 1D indices
14 operations will run on the GPU, and the remaining 5 operations will run on the CPU.
"""

NOTHING = """ERROR: Following operations are not supported by GPU delegate:
CONV_2D: Tensor type(INT16) is not supported. a
SOFTMAX: Tensor type(INT16) is not supported. b
DEQUANTIZE: Unsupported dequantization type.
No operations will run on the GPU, and all 12 operations will run on the CPU.
"""


def test_refusals_are_grouped_by_operator_and_rule_with_their_layers() -> None:
    assert read_coverage(PARTLY) == Coverage(
        left=6,
        refusals=(
            Refusal(operator="DEQUANTIZE", rule="", layers=()),
            Refusal(
                operator="RESHAPE",
                rule="Tensor dimensions must be less than 5",
                layers=("model/Reshape", "model/transpose"),
            ),
            Refusal(operator="TRANSPOSE", rule="Permutation for transpose is invalid", layers=()),
        ),
    )


def test_the_graphs_of_a_loop_are_counted_together() -> None:
    coverage = read_coverage(LOOP)
    assert coverage.left == 7
    assert [refusal.operator for refusal in coverage.refusals] == [
        "STRIDED_SLICE",
        "WHILE",
        "GATHER",
    ]
    assert coverage.refusals[2].rule == "Only support 1D indices"


def test_rules_are_named_once() -> None:
    coverage = read_coverage(NOTHING)
    assert coverage.left == 12
    assert coverage.rules() == (
        "Tensor type(INT16) is not supported (CONV_2D, SOFTMAX); "
        "Unsupported dequantization type (DEQUANTIZE)"
    )


def test_a_log_without_counts_says_nothing() -> None:
    assert read_coverage("ERROR: something else\n") == Coverage(left=None)


def test_only_some_layers_are_named() -> None:
    refusal = Refusal(operator="ADD", rule="No", layers=("a", "b", "c", "d", "e"))
    assert str(refusal) == "ADD: No (a, b, c and 2 more)"
    assert str(Refusal(operator="ADD", rule="", layers=())) == "ADD: no rule is given"


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert read_coverage(text).left is None or "operations will run on the GPU" in text
