"""Agencies, their keys and tokens: the callers of the services, and the scope that each caller may read and report.

Intake's schema holds the tables and intake migrates them; every service looks keys up here. A key is shown once
as `ntm_<id>_<secret>`; what is stored is the SHA-256 of its 256 random bits, which needs no salt or stretching.
"""
