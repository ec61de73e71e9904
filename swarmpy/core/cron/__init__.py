"""Cron jobs: when their schedule says so, and which runs that makes."""
