-- Whether somebody asked for a scan is looked up twice a second, however long the queue of assets is.
CREATE INDEX idx_jobs_scans ON jobs(id) WHERE kind = 'scan' AND state = 'queued';
