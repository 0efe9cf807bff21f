-- The console shows whose gate was found open past Lethe, since when and with how many inside.
GRANT SELECT ON audit.restores TO lethe_ops;
