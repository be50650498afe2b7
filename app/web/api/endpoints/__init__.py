"""Every endpoint of the API. Handlers hold no logic: they call an operation and return its document."""

from app.web.api.endpoint import Endpoint
from app.web.api.endpoints import deliveries, messages, opt_outs, people, service

ENDPOINTS: tuple[Endpoint, ...] = (
    *service.ENDPOINTS,
    *messages.ENDPOINTS,
    *people.ENDPOINTS,
    *opt_outs.ENDPOINTS,
    *deliveries.ENDPOINTS,
)
