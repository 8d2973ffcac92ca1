"""The production shape, described once: services, settings, secrets, health.

`docker-compose.yml` is written from it (`compose`), and `make cluster` starts it on one machine (`extracts.local`).
"""
