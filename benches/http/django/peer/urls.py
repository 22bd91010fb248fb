from django.urls import path

from . import views

urlpatterns = [
    path("healthz", views.healthz),
    path("recalls/<int:pk>", views.show),
    path("recalls/<int:pk>/decisions", views.decide),
]
