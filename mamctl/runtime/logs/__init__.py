"""The output of services: kept byte for byte, found again by time."""
