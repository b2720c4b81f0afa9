"""Zalo's notification messages (ZNS): by eSMS or directly, to the phones that else get an SMS."""
