"""Public client package of repriced: a client, and the generated messages in `repriced.v1`."""

from repriced.client import Client, reason_of
from repriced.columns import reprice_request

__all__ = ["Client", "reason_of", "reprice_request"]
