"""One controller for each tag of the specification; `operationId` names the method."""
