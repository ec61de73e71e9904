"""One control loop a file; each asks one decision of core/."""
