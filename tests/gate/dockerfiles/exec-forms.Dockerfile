FROM python:3.11
RUN ["pip", "install", "tensorflow==2.15.0"]
RUN [ "pip", "install", "numpy\u003c2" ]
RUN ["/bin/bash", "-c", "pip install \"keras<3\""]
RUN [ -f /x ] && echo "a"
RUN ["unclosed", "list"
RUN []
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
VOLUME ["/data", "/other"]
VOLUME /a /b
COPY ["with space.txt", "/dest dir/"]
ADD ["a", "b"]
ENTRYPOINT ["python"]
CMD python app.py
HEALTHCHECK CMD ["curl", "localhost"]
HEALTHCHECK NONE
