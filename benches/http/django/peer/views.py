import time

import pyotp
from auditlog.models import LogEntry
from auditlog.signals import accessed
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from .models import Case, Decision, Factor


def healthz(request):
    return HttpResponse("ok")


@login_required
def show(request, pk):
    """The page of a case; that it was read is recorded."""
    case = get_object_or_404(Case.objects.select_related("requester"), pk=pk)
    accessed.send(Case, instance=case)
    return render(
        request,
        "case.html",
        {
            "case": case,
            "decisions": case.decisions.select_related("decider").order_by("level"),
            "deciders": User.objects.filter(is_staff=True, is_active=True),
            "waiting": Case.objects.filter(state="reviewing", level=1).count(),
            "timeline": LogEntry.objects.get_for_object(case).select_related("actor")[:40],
        },
    )


def spend(user, code):
    """Whether the code is right and new: each step counts once and ascending."""
    factor = Factor.objects.get(user=user)
    totp = pyotp.TOTP(factor.secret)
    present = int(time.time()) // 30
    for step in (present - 1, present, present + 1):
        if step > factor.last_step and pyotp.utils.strings_equal(totp.at(step * 30), code):
            return Factor.objects.filter(pk=factor.pk, last_step__lt=step).update(last_step=step) == 1
    return False


@login_required
@require_POST
@transaction.atomic
def decide(request, pk):
    case = get_object_or_404(Case.objects.select_for_update(), pk=pk)
    comment = request.POST.get("comment", "").strip()
    if case.state != "reviewing" or case.requester_id == request.user.pk or not comment:
        return HttpResponse("refused", status=409)
    if case.version != int(request.POST.get("version", 0)):
        return HttpResponse("changed", status=409)
    if not spend(request.user, request.POST.get("totp", "")):
        return HttpResponse("code", status=422)
    Decision.objects.create(case=case, level=case.level, decider=request.user, decision="approve", comment=comment)
    case.level += 1
    case.version += 1
    case.save()
    return HttpResponseRedirect(f"/recalls/{pk}")
