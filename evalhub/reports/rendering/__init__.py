"""A comparison in every format that leaves the service, each made of the same findings.

One module for each: JSON, Markdown for a pull request, JUnit for a CI job, CSV for a spreadsheet,
and one HTML file that stands alone.
"""

from evalhub.reports.rendering.document import as_json
from evalhub.reports.rendering.html_file import as_html
from evalhub.reports.rendering.junit import as_junit
from evalhub.reports.rendering.markdown import as_markdown
from evalhub.reports.rendering.table import as_csv

__all__ = ["as_csv", "as_html", "as_json", "as_junit", "as_markdown"]
