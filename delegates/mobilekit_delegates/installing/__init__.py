"""Gets what targets need into the user's cache: pinned, checked, whole or not at all.

`pins` holds what is got, each file with its sha256. A changed pin makes another folder.
"""
