"""A group of tasks in which a cancellation is never lost."""

from __future__ import annotations

import asyncio
import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING or sys.version_info >= (3, 13):
    TaskGroup = asyncio.TaskGroup  # noqa: TID251  this is the one that all others use
else:

    class TaskGroup(asyncio.TaskGroup):  # noqa: TID251  as above
        """As of Python 3.13: whoever cancels is heard even if a task fails in the same turn.

        Before, the failure alone was raised then. A caller that answers failures with another
        attempt never knew that it was to end (https://github.com/python/cpython/issues/116720).
        """

        async def __aexit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> None:
            was_counted = self._parent_cancel_requested
            try:
                await super().__aexit__(kind, error, traceback)
            except BaseExceptionGroup as failures:
                task = self._parent_task
                if self._parent_cancel_requested and not was_counted:
                    task.uncancel()  # by the group itself while it waited; nobody else's
                if task.cancelling():
                    raise asyncio.CancelledError from failures
                raise
