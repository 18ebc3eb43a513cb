"""Reads a page of figures: by prometheus-client's own parser, so that a page which is none fails."""

from prometheus_client.parser import text_string_to_metric_families


def samples(page: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Number by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def number(page: str, name: str, **labels: str) -> float:
    """The sum of all samples of this name that have these labels."""
    return sum(
        value for (found, pairs), value in samples(page).items() if found == name and set(labels.items()) <= set(pairs)
    )


def names(page: str) -> set[str]:
    """Every name that a query may use, also of figures that have no row yet."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    found = set()
    for family in text_string_to_metric_families(page):
        found |= {family.name + suffix for suffix in suffixes[family.type]}
    return found
