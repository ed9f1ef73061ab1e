import pytest
from environments import *
@pytest.mark.parametrize("name", ["newest", "2.15", "2.10", "2.5", "2.4"])
def test_x(environments, name, tmp_path):
    import time
    t=time.time(); environments.get(name); print("build", time.time()-t)
    from environments import judge
    for e in ("cpu","gpu"):
        t=time.time()
        f = environments.facts(name, "--expect", e, within=tmp_path)
        print(name, e, time.time()-t)
        print(judge(f, "--expect", e, form="text").output)
