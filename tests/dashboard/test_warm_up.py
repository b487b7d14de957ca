"""What the server does for itself beside its pages."""

import threadpoolctl

from dashboard.app import warm_up


def test_blas_gets_one_thread_where_pages_run_side_by_side(monkeypatch):
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        monkeypatch.setattr(warm_up, "_settled", 0)
        warm_up.settle()
        pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
        assert {pool["num_threads"] for pool in pools} == {1}
