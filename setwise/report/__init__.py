"""The report: what a rebuild found, as one self-contained page, a metrics file and plots.

`read_results` reads what the stages left; `metrics`, `plots`, `claims`, `summary` and `samples` work out what to say;
`figures` draws it with `svg`; `page` fills the template. Nothing here trains, generates or asks the network.
"""

from setwise.report.results import Results, read_results

__all__ = ["Results", "read_results"]
