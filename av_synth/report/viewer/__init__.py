"""One run as one HTML file that needs nothing beside itself (docs/how-to/viewer.md).

`page.write_viewer` gathers what a committed run says (`facts`), the town around its ego (`town`), what its lidars
(`lidar`) and cameras (`pictures`) saw, thinned so that the file stays under a bound, and puts it with the scripts of
this folder into one page. `pack` is how arrays travel; `data.js` reads them.
"""

from av_synth.report.viewer.page import MOST_BYTES, write_viewer

__all__ = ["MOST_BYTES", "write_viewer"]
