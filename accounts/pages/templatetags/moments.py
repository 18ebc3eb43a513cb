"""Filters of the account's pages: moments in words."""

from django import template

from accounts.pages.home import moments

register = template.Library()
register.filter("in_words", moments.in_words)
register.filter("exactly", moments.exactly)
register.filter("day", moments.day)
