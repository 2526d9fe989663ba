"""EraseSeller: one seller out of everything that is kept here."""

from __future__ import annotations

import grpc

from engine.schema import InputKind
from engine.scope import inside
from repriced.v1 import catalog_pb2
from server.services.calls import Core
from server.wire.commands import seller_id_of
from server.wire.limits import parse


def erase_seller(core: Core, payload: bytes, context: grpc.ServicerContext) -> bytes:
    """Bytes in, bytes out. Raises RepricedError.

    A seller that only the claims or the access file know is erased all the same; the answer says
    that no listings of it are known, and a repeat gets the same answer.
    """
    request = parse(catalog_pb2.EraseSellerRequest, payload, core.codec.limits)
    seller_id = seller_id_of(request)
    if not inside(core.scope, seller_id):
        return core.request(InputKind.ERASE, payload, context)
    answer = core.leaving.erase(
        seller_id, lambda: core.answers(InputKind.ERASE, payload, context)[0]
    )
    return answer.payload
