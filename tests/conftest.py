"""For all tests: no time is asserted anywhere, by Hypothesis neither. What is imported at first use counts as a slow draw."""

from hypothesis import HealthCheck, settings

settings.register_profile("hive", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hive")
