"""The stage: who plays whom, and where everybody is at recorded time zero."""
