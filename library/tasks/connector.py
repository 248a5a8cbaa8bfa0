"""The worker's connections to PostgreSQL."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException

logger = logging.getLogger(__name__)

RECONNECT = 5.0  # seconds


class Connector(PsycopgConnector):
    """procrastinate's connector; its listener reconnects instead of ending the worker."""

    async def listen_notify(self, on_notification: Any, channels: Iterable[str]) -> None:
        while True:
            try:
                await super().listen_notify(on_notification, channels)
            except ConnectorException as error:
                logger.info("New tasks are not announced (%s); polling goes on", error.__cause__)
                await asyncio.sleep(RECONNECT)
