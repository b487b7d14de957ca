"""What finished runs say: opened and worked out once for all visitors, their scores, the scenario asked of one."""
