"""Who is there and where tasks answer, agreed upon by rumour."""
