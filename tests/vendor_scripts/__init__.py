"""Programs of other people's kind, written from the text of the API: plain sockets, plain json, and nothing checked.

They do what scripts around the real application do, with their habits: no timeouts, requests without numbers, words in lower
case, fields that nobody lists, a subscriber that joins just before it asks. ``v3_*`` speak the dialect of 3.x, ``v5_*`` the
later one. Each takes the publisher's and the request endpoint as its first two arguments. None of it knows rigkit.
"""
