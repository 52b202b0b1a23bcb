"""The account of a shot: a pure fold over the record, and what to do about silence."""
