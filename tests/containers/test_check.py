def test_x(engine, image):
    import time
    print(engine.podman("images").out)
    print(engine.run("--read-only","--user","1000:1000","--cap-drop","all", image, "python","-m","tfcompat","check","--expect","cpu"))
def test_y(engine, old_image):
    print(engine.podman("images").out)
