"""The staff side: plain Django admin with our own home page."""

from django.contrib.admin import AdminSite


class StaffSite(AdminSite):
    site_header = "Research Credits"
    site_title = "Research Credits"
    index_title = "My desk"
