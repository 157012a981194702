"""Which operators of finished artifacts delegates take: what `mobilekit inspect` answers.

`questions.py` says what is asked, `answers.py` puts an artifact's answers together, `measuring.py`
asks the delegates that are here, `floors.py` holds shares to the project file's `[coverage]`.
"""
