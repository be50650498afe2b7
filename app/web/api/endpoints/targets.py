"""Targets: list, pause, resume."""

import time
from dataclasses import dataclass
from typing import Annotated

from app.notation import Doc, Example
from app.operations.deliveries import pause, resume
from app.operations.documents.changes import pause_document, resume_document
from app.operations.documents.status import queue_document
from app.operations.running_service import RunningService
from app.operations.status import status
from app.web.api.endpoint import WHO, Answer, Endpoints, Success
from app.web.api.schemas import page, ref
from app.web.api.schemas.others import TARGET

NO_TARGET = "There is no such target."

endpoints = Endpoints("targets")


@dataclass(frozen=True, slots=True)
class TargetPath:
    """One target."""

    name: Annotated[str, Example("crm"), Doc("Its name in the configuration.")]


@endpoints.add(
    "GET",
    "/targets",
    "listTargets",
    "List targets with their queues",
    Success("Every target.", ref("TargetPage"), page(TARGET)),
)
async def _list(service: RunningService) -> Answer:
    found = await status(service.store, time.time())
    return Answer({"items": [queue_document(one) for one in found.targets], "next": None})


@endpoints.add(
    "POST",
    "/targets/{name}/pause",
    "pauseTarget",
    "Post nothing to a target until it is resumed. Its reports are kept",
    Success("It is paused.", ref("Pause"), {"target": "crm", "paused": True, "changed": True}),
    not_found=NO_TARGET,
)
async def _pause(service: RunningService, path: TargetPath) -> Answer:
    changed = await pause(service.store, WHO, path.name)
    return Answer(pause_document(path.name, changed=changed))


RESUMED = {"target": "crm", "paused": False, "changed": True, "held_back_by": "operator"}


@endpoints.add(
    "POST",
    "/targets/{name}/resume",
    "resumeTarget",
    "Post to a target again; to one that fails, now",
    Success("It is resumed.", ref("Resume"), RESUMED),
    not_found=NO_TARGET,
)
async def _resume(service: RunningService, path: TargetPath) -> Answer:
    return Answer(resume_document(path.name, await resume(service.store, WHO, path.name)))
