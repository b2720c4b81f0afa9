"""The stages that an alert passes, one file each. A stage is a pure function: drafts in, drafts out.

A stage may add drafts (one alert for several recipients), join some, or change them. It does no I/O and keeps no state.
"""
