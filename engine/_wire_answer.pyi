import numpy as np
from numpy.typing import NDArray

def encode_decisions(decisions: NDArray[np.void], valid_ms: int) -> bytes: ...
