"""What all tests share: no test fails for being slow on a busy machine."""

from hypothesis import settings

settings.register_profile("fairhire", deadline=None)
settings.load_profile("fairhire")
