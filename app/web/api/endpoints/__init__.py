"""Every endpoint of the API. Handlers hold no logic: they call an operation and return its document."""

from app.web.api.endpoint import Endpoint
from app.web.api.endpoints import deliveries, messages, opt_outs, people, service, targets

ENDPOINTS: tuple[Endpoint, ...] = (
    *service.endpoints,
    *messages.endpoints,
    *people.endpoints,
    *opt_outs.endpoints,
    *deliveries.endpoints,
    *targets.endpoints,
)
