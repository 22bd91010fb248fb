from auditlog.registry import auditlog
from django.conf import settings
from django.db import models


class Case(models.Model):
    number = models.CharField(max_length=20, unique=True)
    state = models.CharField(max_length=20, default="reviewing", db_index=True)
    level = models.IntegerField(default=1)
    version = models.IntegerField(default=1)
    harm_class = models.CharField(max_length=20, default="leak")
    title = models.CharField(max_length=120)
    message = models.TextField()
    reason = models.TextField()
    recipients = models.IntegerField(default=0)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    submitted_at = models.DateTimeField(auto_now_add=True)


class Decision(models.Model):
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="decisions")
    level = models.IntegerField()
    decider = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    decision = models.CharField(max_length=10)
    comment = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "level"], name="one_decision_a_level")]


class Factor(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    secret = models.CharField(max_length=64)
    last_step = models.BigIntegerField(default=0)


auditlog.register(Case)
auditlog.register(Decision)
