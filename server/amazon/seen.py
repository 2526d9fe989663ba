"""Which notifications came before: Amazon delivers some twice."""

from __future__ import annotations

from collections import OrderedDict


class SeenNotifications:
    """The last `limit` NotificationIds that were applied; the one used longest ago goes first.

    Asking and adding are two calls, so that a message whose batch was refused can be sent again.
    A message without an id is never a repeat.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"limit {limit}: allowed are 1 and above")
        self._limit = limit
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, notification_id: str) -> bool:
        if notification_id not in self._ids:
            return False
        self._ids.move_to_end(notification_id)
        return True

    def add(self, notification_id: str) -> None:
        """Remembers an applied message; an empty id is ignored."""
        if not notification_id:
            return
        self._ids[notification_id] = None
        self._ids.move_to_end(notification_id)
        if len(self._ids) > self._limit:
            self._ids.popitem(last=False)
