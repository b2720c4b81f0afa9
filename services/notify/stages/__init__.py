"""The stages that an alert passes, one file each. A stage is a pure function: drafts in, drafts out.

A stage may add drafts (an alert for several recipients), join or change drafts. It does no I/O and keeps no state.
"""
