"""Scoring: judges each commune's criteria and the plan's commitments, and publishes every change."""
