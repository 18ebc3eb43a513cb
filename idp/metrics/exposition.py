"""All numbers in Prometheus's form: prometheus-client writes it, our figures are its collectors."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

from accounts.figures import Counter, Figure, Timing
from idp.metrics import sharing, stored
from idp.metrics.sharing import Rows


class _Figures(Collector):
    """What the processes counted."""

    def collect(self) -> Iterator[Metric]:
        numbers = sharing.together()
        for figure in sharing.ALL:
            yield _family(figure, numbers[figure.name])


class _Stored(Collector):
    """What the database knows."""

    def collect(self) -> Iterator[Metric]:
        yield from stored.collect()


_registry = CollectorRegistry(auto_describe=False)
_registry.register(_Figures())
_registry.register(_Stored())


def page(accept: str) -> tuple[bytes, str]:
    """The whole answer and its type: OpenMetrics for a scraper that asks for it."""
    encode, content_type = choose_encoder(accept)
    return encode(_registry), content_type


def _family(figure: Figure, rows: Rows) -> Metric:
    labels = list(figure.labels)
    if isinstance(figure, Timing):
        return _histogram(figure, rows)
    kind = CounterMetricFamily if isinstance(figure, Counter) else GaugeMetricFamily
    family = kind(figure.name, figure.help, labels=labels)
    for values, number in _always(figure, rows).items():
        assert isinstance(number, float | int)
        family.add_metric(list(values), number)
    return family


def _always(figure: Figure, rows: Rows) -> Rows:
    """A number without labels is there from the start, so that an alert on its growth misses nothing."""
    return rows if rows or figure.labels else {(): 0.0}


def _histogram(figure: Timing, rows: Rows) -> Metric:
    family = HistogramMetricFamily(figure.name, figure.help, labels=list(figure.labels))
    names = [*map(floatToGoString, figure.bounds), "+Inf"]
    for values, row in rows.items():
        assert isinstance(row, list)
        running, buckets = 0.0, []
        for name, number in zip(names, row[:-1], strict=True):
            running += number
            buckets.append((name, running))
        family.add_metric(list(values), buckets, row[-1])
    return family
