FROM --platform="linux/amd64" python:3.11 AS a
COPY --chown="a b" --from='a' x y
RUN --mount=type=secret,id=x --network=none -- pip install tensorflow
RUN --security=insecure
ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.com/a.tar.gz /
