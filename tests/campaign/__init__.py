"""Seeded fault sessions in virtual time: the real client against the pure simulator, with everything in between going wrong.

``python -m tests.campaign --sessions 10000`` runs many, ``--seed N`` replays one, ``python -m tests.campaign faults`` drops
events by the share and compares what is left with the session that lost none. After the manner of FoundationDB and TigerBeetle.
"""
