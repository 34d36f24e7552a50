"""Where runs live: staging, durable writes, one atomic commit, reading back; and the tables a run holds.

with store.stage(root, run_id) as staging:
    staging.write("blobs/CAM_FRONT/000000.jpg", jpeg)              # from any thread
    staging.write_table("ticks", tables.from_rows("ticks", rows))  # checked, sorted, byte-deterministic
    path = staging.commit({"scenario": ..., "rig": ..., "seed": ..., "identity": ..., "provenance": ..., "counts": ...})
run = store.open_run(path)
"""

from av_synth.store.files import canonical_json, link_or_copy, replace_directory, replace_file, write_file
from av_synth.store.named import open_named
from av_synth.store.places import need_place, refuse_strangers
from av_synth.store.runs import (
    MANIFEST_FIELDS,
    OPENDRIVE,
    REQUIRED_FILES,
    SCHEMA_EPOCH,
    FileEntry,
    Run,
    Staging,
    clear_staging,
    need_runs,
    open_run,
    run_path,
    runs,
    stage,
    stores_in,
)
from av_synth.store.scratch import clear_scratch, scratch

__all__ = [
    "MANIFEST_FIELDS",
    "OPENDRIVE",
    "REQUIRED_FILES",
    "SCHEMA_EPOCH",
    "FileEntry",
    "Run",
    "Staging",
    "canonical_json",
    "clear_scratch",
    "clear_staging",
    "link_or_copy",
    "need_place",
    "need_runs",
    "open_named",
    "open_run",
    "refuse_strangers",
    "replace_directory",
    "replace_file",
    "run_path",
    "runs",
    "scratch",
    "stage",
    "stores_in",
    "write_file",
]
