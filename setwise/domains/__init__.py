"""Where questions and gold come from. One file per domain; a new file here is a new domain and nothing else changes."""

from setwise.domains.base import Domain, Example, Prepared, get_domain, list_domains

__all__ = ["Domain", "Example", "Prepared", "get_domain", "list_domains"]
