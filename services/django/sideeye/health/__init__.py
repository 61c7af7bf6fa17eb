"""The app `health`: what the service's manager asks."""
