"""Who decides: the parts that run on managers, most of them on the leading one."""
