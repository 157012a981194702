"""Whether an artifact and a golden belong together."""

from __future__ import annotations

from mobilekit.parity.batches import batch_size, sample_shape
from mobilekit.parity.golden import Golden
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError


def require_fitting(artifact: Artifact, golden: Golden) -> None:
    """Make sure that a golden's arrays are what an artifact takes and gives.

    Raises:
        DataError: a name or a shape differs: the golden is another model's.
    """
    signature = artifact.signature
    batch = batch_size(signature)
    for kind, specs, arrays in (
        ("input", signature.inputs, golden.inputs),
        ("output", signature.outputs, golden.outputs),
    ):
        names = [spec.name for spec in specs]
        if sorted(names) != sorted(arrays):
            raise DataError(
                f"The golden is another model's: it has the {kind}s {', '.join(arrays)}, and "
                f"{artifact.path.name} has {', '.join(names)}."
            )
        for spec in specs:
            wanted, found = sample_shape(spec, batch), arrays[spec.name].shape[1:]
            if wanted != found:
                raise DataError(
                    f"The golden is another model's: a sample of its {kind} {spec.name!r} has the "
                    f"shape {found}, and {artifact.path.name} wants {wanted}."
                )
